"""How soon a long history answers: many invented events in the room's database, what people ask of it, and a check."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from edge.seal import chain_hash
from edge.transport import Envelope
from monitor.database import Database
from monitor.history import History, Wanted
from monitor.ledger import Ledger
from monitor.personal import committed
from monitor.stream import Received, Stream, iso
from monitor.terms import DAY_S

SITE, EPOCH = "bench", "b" * 16
GATES, PEOPLE, DAYS = 7, 3_000, 365
BATCH = 5_000
PAGE = 50
ASKED = 20
"""How often each question is asked, about something else each time."""
TYPES = {
    "AccessGranted": (30, 100), "AccessTaken": (30, 100), "DoorModeChanged": (20, 100), "RequestToExit": (10, 100),
    "AccessDenied": (8, 300), "CameraFault": (1, 500), "WhitelistChanged": (0.5, 100), "DoorOpenTooLong": (0.4, 700),
    "DoorForcedOpen": (0.05, 900), "DrillReport": (0.05, 300),
}  # fmt: skip
"""Of a hundred events how many, and how severe."""

Progress = Callable[[str, int, int], None]


class Asked(Struct):
    """Milliseconds of one kind of question: the median and the slowest."""

    p50: float
    worst: float


class Result(Struct):
    """`worst_ms` is of the slowest question of all; `verify_s` is how long it takes to read every event again and
    check its chain, as `edge-gate monitor verify` does, and `in_order` how many were found to be so."""

    events: int
    search_ms: dict[str, Asked]
    worst_ms: float
    verify_s: float
    in_order: int


def measure(events: int, database: str, progress: Progress) -> Result:
    """Fill an empty database with events of a year, and search them."""
    with TemporaryDirectory(prefix="edge-gate-bench-") as directory:
        where: Path | str = database or Path(directory) / "room.sqlite"
        with Database(where) as kept:
            _fill(kept, events, progress)
            history, rnd = History(kept), random.Random(7)
            found = {name: _time(lambda ask=ask: ask(history, rnd)) for name, ask in QUESTIONS.items()}  # type: ignore[misc]
            begun, verdict = time.perf_counter(), Ledger(kept).audit()
            verify_s = round(time.perf_counter() - begun, 1)
        return Result(events, found, max(each.worst for each in found.values()), verify_s, verdict.events)


def _time(ask: Callable[[], object]) -> Asked:
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    return Asked(round(sorted(took)[ASKED // 2], 1), round(max(took), 1))


def _fill(database: Database, events: int, progress: Progress) -> None:
    gates = {name: Stream(SITE, name, EPOCH) for name in _gates()}
    ledger, made = Ledger(database), _invented(events, gates)
    for first in range(0, events, BATCH):
        batch = [next(made) for _ in range(min(BATCH, events - first))]
        ledger.commit(batch, gates.values(), [], {})
        progress("fill", first + len(batch), events)


def _gates() -> list[str]:
    return [f"gate-{number + 1}" for number in range(GATES)]


def _invented(events: int, gates: dict[str, Stream]) -> Iterator[Received]:
    """Each follows from the one before it at its gate."""
    rnd, names = random.Random(1), list(TYPES)
    begun, step = time.time() - DAYS * DAY_S, DAYS * DAY_S / events
    kinds = rnd.choices(names, [TYPES[name][0] for name in names], k=events)
    for number, kind in enumerate(kinds):
        stream = gates[rnd.choice(_gates())]
        yield _event(stream, kind, begun + number * step, rnd)


def _event(stream: Stream, kind: str, at: float, rnd: random.Random) -> Received:
    data: dict[str, object] = {"detail": "x" * 200}
    if kind == "AccessDenied":
        data["reason"] = rnd.choice(("no_match", "schedule", "no_liveness", "blocked"))
    if kind.startswith("Access") and kind != "AccessDenied":
        data |= committed({"person": f"p{rnd.randrange(PEOPLE):04}"})
    stream.sequence += 1
    place = f"{stream.sequence:012}"
    event = Envelope(
        id=f"{EPOCH}-{place}", source=f"/{SITE}/{stream.gate}", type=f"edge-gate.{kind}", subject="door/main",
        time=iso(at), severity=TYPES[kind][1], timetrusted=True, epoch=EPOCH, sequence=place,
        previoushash=stream.hash, data=data,
    )  # fmt: skip
    stream.hash = chain_hash(msgspec.to_builtins(event))
    sequence, payload = stream.sequence, msgspec.json.encode(event)
    return Received(SITE, stream.gate, EPOCH, sequence, sequence, stream.hash, event, payload)


# What is asked -------------------------------------------------------------------------------------------------------


def _ago(rnd: random.Random) -> float:
    return time.time() - rnd.uniform(1, DAYS - 31) * DAY_S


def _of(history: History, wanted: Wanted, before: int | None = None) -> object:
    return history.search(wanted, PAGE, before, personal=True)


def _type(rnd: random.Random) -> str:
    return f"edge-gate.{rnd.choice(list(TYPES))}"


def _month(rnd: random.Random, wanted: Wanted) -> Wanted:
    since = _ago(rnd)
    return replace(wanted, since=iso(since), until=iso(since + 30 * DAY_S))


def _gate(rnd: random.Random) -> str:
    return rnd.choice(_gates())


def _person(rnd: random.Random) -> str:
    return f"p{rnd.randrange(PEOPLE):04}"


QUESTIONS: dict[str, Callable[[History, random.Random], object]] = {
    "newest": lambda history, rnd: _of(history, Wanted()),
    "older": lambda history, rnd: _of(history, Wanted(), rnd.randrange(10**6)),
    "gate": lambda history, rnd: _of(history, _month(rnd, Wanted(gate=_gate(rnd)))),
    "type": lambda history, rnd: _of(history, Wanted(type=_type(rnd))),
    "person": lambda history, rnd: _of(history, Wanted(person=_person(rnd))),
    "nobody": lambda history, rnd: _of(history, Wanted(person="p9999")),
    "severe": lambda history, rnd: _of(history, Wanted(severity=900)),
    "severe_at_gate": lambda history, rnd: _of(history, Wanted(gate=_gate(rnd), severity=900)),
    "type_at_gate": lambda history, rnd: _of(history, Wanted(gate=_gate(rnd), type=_type(rnd))),
    "person_at_gate": lambda history, rnd: _of(history, Wanted(gate=_gate(rnd), person=_person(rnd))),
    "severe_of_person": lambda history, rnd: _of(history, Wanted(person=_person(rnd), severity=900)),
    "nothing_at_gate": lambda history, rnd: _of(history, Wanted(gate=_gate(rnd), type="edge-gate.None", severity=300)),
    "nothing_of_type": lambda history, rnd: _of(history, Wanted(type="edge-gate.AccessGranted", severity=900)),
    "nothing_in_month": lambda history, rnd: _of(history, _month(rnd, Wanted(type="edge-gate.None", severity=300))),
    "recorded_since": lambda history, rnd: history.since(rnd.randrange(10**6), Wanted(), PAGE),
    "severe_since": lambda history, rnd: history.since(rnd.randrange(10**6), Wanted(severity=900), PAGE),
    "type_since": lambda history, rnd: history.since(0, Wanted(type=_type(rnd)), PAGE),
    "nothing_since": lambda history, rnd: history.since(0, Wanted(gate=_gate(rnd), type="edge-gate.None"), PAGE),
    "types": lambda history, rnd: history.types(),
}
"""The searches of the page and of the interface, and what a form of the page needs to be drawn."""
