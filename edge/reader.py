"""The reader's end: what a driver of a keypad or card reader does to be heard by its gate, and a simulated one.

A driver (of Wiegand lines, or an OSDP control panel) makes a `ReaderLink` and calls `show` for every PIN or card, and
`beat` again and again for as long as its reader answers it.
"""

import time

import msgspec

from edge.errors import LinkError
from edge.mqtt import Address, Connection, Message
from edge.readers import Presented, reader_topic, said
from edge.transport import Channel, Listening, Presence, topic

WAIT_S = 5.0


class ReaderLink:
    """One connection of a reader to the broker; LinkError when the gate or the broker is away. For one thread."""

    def __init__(self, address: Address, site: str, gate: str, reader: str, key: bytes) -> None:
        self._site, self._gate, self._reader, self._key = site, gate, reader, key
        self._state = topic(site, gate, Channel.STATE)
        self._connection = Connection(address, [self._state])
        self._listening: Listening | None = None
        self._counter = 0

    def show(self, pin: str = "", card: str = "") -> None:
        """Tell the gate what was typed or held up, one of them; returns when the broker has it."""
        self._say(pin, card)

    def beat(self) -> None:
        """Tell the gate that the reader is there: more often than its `silent_after_s`."""
        self._say(alive=True)

    def rest(self, seconds: float) -> None:
        """Let so much time go by, and hear meanwhile what the gate publishes."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._turn(min(left, 1.0))

    def _say(self, pin: str = "", card: str = "", alive: bool = False) -> None:
        listening = self._heard()
        self._counter = max(self._counter, listening.readers.get(self._reader, 0)) + 1
        aud = f"{self._site}/{self._gate}"
        presented = Presented(aud, listening.challenge, self._counter, pin, card, alive)
        where = reader_topic(self._site, self._gate, self._reader)
        self._connection.publish(Message(where, said(presented, self._key, self._reader), 1, False))
        deadline = time.monotonic() + WAIT_S
        while self._connection.unconfirmed:
            if time.monotonic() > deadline:
                raise LinkError("the broker did not take it within {seconds:.0f} s", seconds=WAIT_S)
            self._turn(0.1)

    def close(self) -> None:
        self._connection.close()

    def _heard(self) -> Listening:
        """What the gate listens for now."""
        deadline = time.monotonic() + WAIT_S
        self._turn(0.0)
        while self._listening is None:
            if time.monotonic() > deadline:
                hint = "is it running, and has it a [[reader]] {reader} with a key_credential?"
                text = "the gate {gate} does not listen to readers"
                raise LinkError(text, hint, gate=self._gate, reader=self._reader)
            self._turn(0.1)
        return self._listening

    def _turn(self, seconds: float) -> None:
        for message in self._connection.turn(seconds):
            if message.topic == self._state:
                self._listening = _commands(message.payload)


def _commands(payload: bytes) -> Listening | None:
    """What a gate publishes for readers; none while it cannot be read, which `show` calls by its name."""
    try:
        return msgspec.json.decode(payload, type=Presence).commands
    except (ValueError, RecursionError):  # text that is not UTF-8 is a ValueError beside msgspec's own
        return None
