"""What the monitoring room sees, live in a terminal: gates, alarms and the latest events, from MQTT alone.

It listens only. An event that a gate sends again is shown once.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.i18n import _
from edge.mqtt import Address, Connection, Lost
from edge.transport import Channel, Envelope, Presence, topic
from monitor.stream import Unacceptable, gate_of, parse

TOPICS = [topic("+", "+", channel) for channel in (Channel.EVENT, Channel.ALARM, Channel.STATE)]
REMEMBERED = 10_000
"""So many event ids are remembered to recognise what is sent again."""
LINES = 15
RETRY_S = 1.0

Gate = tuple[str, str]


class Board:
    """The picture that the messages make."""

    def __init__(self) -> None:
        self.gates: dict[Gate, Presence] = {}
        self.latest: dict[Gate, Envelope] = {}
        self.alarms: dict[tuple[Gate, str, str], Envelope] = {}
        self.log: deque[tuple[Gate, Envelope]] = deque(maxlen=LINES)
        self.link = ""
        """Why nothing arrives; empty while connected."""
        self._seen: dict[str, None] = {}

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
        return event if self._is_new(event) and self._note(gate, event) else None

    def _is_new(self, event: Envelope) -> bool:
        known = event.id in self._seen
        self._seen[event.id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return not known

    def _note(self, gate: Gate, event: Envelope) -> bool:
        self.latest[gate] = event
        self.log.append((gate, event))
        alarm = (gate, event.subject, event.type)
        if event.data.get("active") is True:
            self.alarms[alarm] = event
        elif event.data.get("active") is False:
            self.alarms.pop(alarm, None)
        return True

    def render(self) -> RenderableType:
        """The picture for a terminal."""
        parts: list[RenderableType] = [_gates(self), _alarms(self), _log(self)]
        if self.link:
            parts.insert(0, Text(_clean(self.link), style="bold red"))
        return Group(*parts)


def listen(address: Address, show: Callable[[Board, list[Envelope]], object]) -> None:
    """Listen for ever; `show` gets the board and what is new, at every message and at least once a second."""
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


def live(address: Address) -> None:
    """The picture on the whole terminal, until interrupted."""
    with Live(Board().render(), screen=True, auto_refresh=False) as screen:
        drawn = 0.0

        def show(board: Board, _new: list[Envelope]) -> None:
            nonlocal drawn
            if time.monotonic() - drawn > 0.1:
                screen.update(board.render(), refresh=True)
                drawn = time.monotonic()

        listen(address, show)


def _gates(board: Board) -> Table:
    table = _table(_("Gates"), _("gate"), _("state"), _("doors"), _("cameras"), _("undelivered"), _("last event"))
    for gate in sorted(board.gates.keys() | board.latest.keys()):
        presence, event = board.gates.get(gate), board.latest.get(gate)
        about = presence.gate if presence else {}
        backlog = presence.backlog if presence else None
        online = presence is not None and presence.status == "online"
        table.add_row(
            _text("/".join(gate)),
            Text(_("online") if online else _("offline"), style="green" if online else "red"),
            _text(_each(about.get("doors"), "mode", "physical")),
            _text(_each(about.get("cameras"), "status")),
            _text(max(0, backlog.last - backlog.first + 1) if backlog else ""),
            _text(f"{_clock(event)} {_kind(event)}" if event else ""),
        )
    return table


def _alarms(board: Board) -> Table:
    table = _table(_("Alarms"), _("since"), _("gate"), _("where"), _("alarm"), _("severity"), _("detail"))
    for (gate, subject, _type), event in sorted(board.alarms.items(), key=lambda item: -item[1].severity):
        cells = (_clock(event), "/".join(gate), subject, _kind(event), event.severity, _detail(event))
        table.add_row(*map(_text, cells), style="bold red" if event.severity >= 700 else "yellow")
    return table


def _log(board: Board) -> Table:
    table = _table(_("Events"), _("time"), _("gate"), _("where"), _("event"), _("detail"))
    for gate, event in reversed(board.log):
        table.add_row(*map(_text, (_clock(event), "/".join(gate), event.subject, _kind(event), _detail(event))))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", expand=True)
    for column in columns:
        table.add_column(column)
    return table


def _each(things: Any, *fields: str) -> str:
    """Name and a few fields of each thing of the state, whatever a gate says there."""
    if not isinstance(things, dict):
        return ""
    described = [(name, thing) for name, thing in things.items() if isinstance(thing, dict)]
    return ", ".join(f"{name}: {' '.join(str(thing.get(field, '')) for field in fields)}" for name, thing in described)


def _detail(event: Envelope) -> str:
    """The fields that fit on a line: no evidence, and of personal ones the value."""
    data = dict(event.data)
    personal = data.pop("personal", {})
    plain = [(name, value) for name, value in data.items() if not isinstance(value, dict)]
    pairs = personal.items() if isinstance(personal, dict) else []
    known = [(name, pair[1]) for name, pair in pairs if isinstance(pair, list) and len(pair) == 2]
    return ", ".join(f"{name}: {value}" for name, value in [*known, *plain] if name != "active")


def _kind(event: Envelope) -> str:
    return event.type.removeprefix("edge-gate.")


def _clock(event: Envelope) -> str:
    return event.time[11:19]


def _text(value: object) -> Text:
    return Text(_clean(str(value)))


def _clean(text: str) -> str:
    """Without what a terminal would obey: these texts come from the network."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
