"""What the monitoring room sees, live: gates, alarms and the latest events, from MQTT alone.

It listens only. An event that a gate sends again is shown once.
"""

import time
from collections import deque
from collections.abc import Callable

import msgspec

from edge.i18n import _, language
from edge.mqtt import Address, Connection, Lost
from edge.transport import Channel, Envelope, Presence, topic
from monitor.picture import Picture, Row, clock, row, things
from monitor.reports import is_over, kind_of, source_of
from monitor.retold import retelling
from monitor.stream import Unacceptable, gate_of, parse
from monitor.terms import Key
from monitor.words import fielded, where, word

TOPICS = [topic("+", "+", channel) for channel in (Channel.EVENT, Channel.ALARM, Channel.STATE)]
REMEMBERED = 10_000
"""So many event ids are remembered to recognise what is sent again."""
LINES = 200
RETRY_S = 1.0

Gate = tuple[str, str]


class Board:
    """The picture that the messages make."""

    def __init__(self) -> None:
        self.gates: dict[Gate, Presence] = {}
        self.latest: dict[Gate, Envelope] = {}
        self.alarms: dict[Key, Envelope] = {}
        self.log: deque[tuple[Gate, Envelope]] = deque(maxlen=LINES)
        self.link = ""
        """Why nothing arrives; empty while connected."""
        self._seen: dict[tuple[Gate, str], None] = {}

    def receive(self, where: str, payload: bytes) -> Envelope | None:
        """Take in a message; the event, if it is one that was not here before. What is malformed is left out."""
        try:
            gate = gate_of(where)
            if where.endswith(f"/{Channel.STATE}"):
                self.gates[gate] = msgspec.json.decode(payload, type=Presence)
                return None
            event = parse(where, payload).event
        except (Unacceptable, msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return event if self._is_new(gate, event) and self._note(gate, event) else None

    def _is_new(self, gate: Gate, event: Envelope) -> bool:
        known = (gate, event.id) in self._seen
        self._seen[gate, event.id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return not known

    def _note(self, gate: Gate, event: Envelope) -> bool:
        self.latest[gate] = event
        self.log.append((gate, event))
        alarm = Key(*gate, event.subject, kind_of(event), source_of(event))
        if event.data.get("active") is True:
            self.alarms[alarm] = event
        elif is_over(event):
            self.alarms.pop(alarm, None)
        return True

    def picture(self) -> Picture:
        """As a terminal shows it."""
        known = sorted(self.gates.keys() | self.latest.keys())
        alarms = sorted(self.alarms.items(), key=lambda item: -item[1].severity)
        log = [
            row((gate, event.id), clock(event.time), "/".join(gate), where(event.subject, _), _(word(kind_of(event))),
                _detail(event), severity=event.severity)
            for gate, event in reversed(self.log)
        ]  # fmt: skip
        return Picture([self._gate(gate) for gate in known], [_alarm(*item) for item in alarms], log, self.link)

    def _gate(self, gate: Gate) -> Row:
        presence = self.gates.get(gate)
        about = presence.gate if presence else {}
        backlog = presence.backlog if presence else None
        return row(
            "/".join(gate), "/".join(gate), _(word(presence.status if presence else "unknown")),
            things(about.get("doors"), "mode", "physical"), things(about.get("cameras"), "status"),
            max(0, backlog.last - backlog.first + 1) if backlog else "",
        )  # fmt: skip


def listen(address: Address, show: Callable[[Board, list[Envelope]], object]) -> None:
    """Listen until `show` raises; it gets the board and what is new, at every message and at least once a second."""
    board = Board()
    while True:
        try:
            connection = Connection(address, TOPICS)
            board.link = ""
            while True:
                arrived = [board.receive(message.topic, message.payload) for message in connection.turn(1.0)]
                show(board, [event for event in arrived if event])
        except Lost as lost:
            board.link = lost.render(_)
            show(board, [])
            time.sleep(RETRY_S)


def _alarm(key: Key, event: Envelope) -> Row:
    gate = f"{key.site}/{key.gate}"
    return row(
        key, clock(event.time), gate, where(event.subject, _), _(word(kind_of(event))),
        event.severity, "", _detail(event), severity=event.severity,
    )  # fmt: skip


def _detail(event: Envelope) -> str:
    """The fields that fit on a line: no evidence, no picture, and of personal ones the value."""
    data = dict(event.data)
    personal = data.pop("personal", {})
    plain = [(name, value) for name, value in data.items() if not isinstance(value, dict)]
    pairs = personal.items() if isinstance(personal, dict) else []
    known = [(name, pair[1]) for name, pair in pairs if isinstance(pair, list) and len(pair) == 2]
    shown = [(name, value) for name, value in [*known, *plain] if name not in ("active", "jpeg")]
    return fielded(shown, retelling(language()))
