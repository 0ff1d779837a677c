"""How every gate is: its retained state, its latest measurements and its last events. Nothing here is on disk."""

import re
import threading
import time
from collections.abc import Iterable

from msgspec import Struct, field

from edge.transport import Presence
from monitor.ledger import Recorded


class Gate(Struct):
    """One gate as the room sees it. `status` is `unknown` until its state was heard; times are UTC seconds."""

    site: str
    name: str
    status: str = "unknown"
    state: dict[str, object] = field(default_factory=dict)
    health: dict[str, object] = field(default_factory=dict)
    heard: float | None = None
    last_event: float | None = None
    undelivered: int | None = None

    @property
    def place(self) -> str:
        return f"{self.site}/{self.name}"

    def part(self, name: str) -> dict[str, dict[str, object]]:
        """The named things of a kind (`doors`, `cameras`), whatever a gate says there."""
        things = self.state.get(name)
        return {str(k): v for k, v in things.items() if isinstance(v, dict)} if isinstance(things, dict) else {}


class Gates:
    """Written by the recorder's thread, read by any."""

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._lock = threading.Lock()
        self._gates = {place: Gate(*place) for place in known}

    def state(self, site: str, name: str, presence: Presence) -> None:
        with self._lock:
            gate = self._gate(site, name)
            gate.status, gate.heard = presence.status, time.time()
            gate.state = presence.gate or gate.state
            if presence.backlog:
                gate.undelivered = max(0, presence.backlog.last - presence.backlog.first + 1)

    def health(self, site: str, name: str, health: dict[str, object]) -> None:
        with self._lock:
            gate = self._gate(site, name)
            gate.health, gate.heard = health, time.time()
            outbox = health.get("outbox")
            undelivered = outbox.get("undelivered") if isinstance(outbox, dict) else None
            gate.undelivered = undelivered if isinstance(undelivered, int) else gate.undelivered

    def recorded(self, recorded: Iterable[Recorded]) -> None:
        with self._lock:
            for each in recorded:
                place = (each.received.site, each.received.gate)
                self._gate(*place).last_event = each.arrived

    def all(self) -> list[Gate]:
        """In the order of their names, in which gate-10 comes after gate-9."""
        with self._lock:
            return [self._gates[place] for place in sorted(self._gates, key=_by_number)]

    def find(self, site: str, name: str) -> Gate | None:
        with self._lock:
            return self._gates.get((site, name))

    def _gate(self, site: str, name: str) -> Gate:
        return self._gates.setdefault((site, name), Gate(site, name))


def _by_number(place: tuple[str, str]) -> list[tuple[str, int]]:
    """Sorts names by the numbers in them."""
    parts = re.split(r"(\d+)", "/".join(place), flags=re.ASCII)
    return [(text, int(number or 0)) for text, number in zip(parts[::2], [*parts[1::2], ""], strict=True)]
