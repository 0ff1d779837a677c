"""What the monitoring room hears of a gate, and says to it."""

from pathlib import Path

import msgspec

from edge.command import Target, Wish, command
from edge.mqtt import Address, Connection
from edge.seal import load_key
from edge.simulate import HOST
from edge.terms import CommandKind
from edge.transport import Envelope, Event, Presence, type_name

SITE, GATE = "hq", "lobby"
TOPIC = f"edge/v1/{SITE}/{GATE}"


class Room:
    """A connection to the broker of a gate."""

    def __init__(self, port: int, key: Path) -> None:
        self.port, self._broker, self._key = port, Address(HOST, port, keepalive_s=600), key
        self._connection = Connection(self._broker, [f"{TOPIC}/{channel}" for channel in ("state", "event", "alarm")])
        self.presence, self.told = Presence("offline"), list[Envelope]()

    def listen(self) -> None:
        for message in self._connection.turn(0.05):
            if message.topic.endswith("/state"):
                self.presence = msgspec.json.decode(message.payload, type=Presence)
            else:
                self.told.append(msgspec.json.decode(message.payload, type=Envelope))

    def events(self, kind: type[Event]) -> list[Envelope]:
        """What has been told of this kind."""
        self.listen()
        return [each for each in self.told if each.type == type_name(kind)]

    def degraded(self) -> set[str]:
        """The rows in force, but for those that these gates never leave: no stream, no list, no liveness."""
        self.listen()
        rows = self.presence.gate.get("degraded", {})
        assert isinstance(rows, dict)
        return set(rows) - {"vision_failed", "camera_lost", "whitelist_unusable", "liveness_unavailable"}

    def in_service(self) -> bool:
        return not self.degraded() and self.presence.status == "online"

    def open(self, door: str = "") -> None:
        wish = Wish(CommandKind.OPEN, door)
        command(self._broker, Target(SITE, GATE), "room", load_key(self._key), wish, 30)

    def close(self) -> None:
        self._connection.close()


def personal(event: Envelope, field: str) -> object:
    """A field that names somebody: it lies beside the event with its salt."""
    return event.data["personal"][field][1]  # type: ignore[index]
