"""A broker that does what it likes: whatever it shows, what is in use never goes back, and the truth always returns."""

import hypothesis.strategies as st
import msgspec
from hypothesis import given, settings

from edge.outcomes import Adopt, Bury, Keep
from edge.records import digest
from tests.core.lists import PEOPLE, Desk, roster

steps = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.sampled_from(PEOPLE), st.booleans()),
        st.tuples(st.just("show"), st.integers(0, 10_000), st.sampled_from(["whole", "cut", "flip", "moved", "empty"])),
        st.tuples(st.just("truth"), st.integers(1, 80), st.integers(0, 10_000)),
        st.tuples(st.just("restart"), st.booleans(), st.just(0)),
    ),
    max_size=60,
)


class Gate:
    """A roster with a store that is a dictionary; checks after every message what must always hold."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.roster = desk, roster(desk)
        self.documents: dict[str, bytes] = {}
        self.records: dict[bytes, tuple[object, bytes]] = {}
        self.tombstones: dict[str, bytes] = {}
        self.seen_graves: dict[str, int] = {}
        self.highest = 0

    def feed(self, topic: str, message: bytes) -> None:
        for outcome in self.roster.feed(topic, message):
            match outcome:
                case Keep():
                    self.records[outcome.entry.hash] = (outcome.entry, outcome.message)
                case Bury():
                    person, revision = outcome.tombstone.id, outcome.tombstone.revision
                    self.tombstones[person] = outcome.message
                    self.seen_graves[person] = max(revision, self.seen_graves.get(person, 0))
                    gone = [k for k, (e, _) in self.records.items() if e.id == person and e.revision <= revision]  # type: ignore[attr-defined]
                    for key in gone:
                        del self.records[key]
                case Adopt():
                    self.documents |= outcome.documents
                    for key in outcome.discard:
                        del self.records[key]
                    self.tombstones = {p: m for p, m in self.tombstones.items() if p in self.roster.graves}
        self.holds()

    def restart(self) -> None:
        mark, self.roster = self.roster.mark, roster(self.desk, self.roster.mark)
        assert mark.revision <= self.highest
        self.roster.resume(self.documents, self.tombstones.values(), [e for e, _ in self.records.values()])  # type: ignore[misc]
        self.holds()

    def holds(self) -> None:
        gate, desk = self.roster, self.desk
        assert gate.revision >= self.highest, "what is in use never goes back"
        self.highest = gate.revision
        listed = desk.lists[gate.revision]
        running = {person: entry.revision for person, entry in gate.running.items()}
        assert running.items() <= listed.items(), "only who stands on that list"
        assert listed.keys() - running.keys() <= gate.graves.keys(), "and nobody of it is lost"
        for person, revision in self.seen_graves.items():
            assert running.get(person, revision + 1) > revision, "a tombstone acts from the moment it was seen"
        for person, entry in gate.running.items():
            assert digest(self.records[entry.hash][1]) == entry.hash, person


def mangled(desk: Desk, at: int, how: str) -> tuple[str, bytes]:
    topic, message = desk.history[at % len(desk.history)]
    match how:
        case "cut":
            return topic, message[: at % len(message)]
        case "flip":
            place = at % len(message)
            return topic, message[:place] + bytes([message[place] ^ (1 + at % 255)]) + message[place + 1 :]
        case "moved":
            return desk.history[at * 7 % len(desk.history)][0], message
        case "empty":
            return topic, b""
    return topic, message


@settings(max_examples=150, deadline=None)
@given(steps)
def test_whatever_a_broker_shows_only_signed_whole_lists_are_in_use(trace: list[tuple[str, object, object]]) -> None:
    desk = Desk()
    gate = Gate(desk)
    for kind, what, how in trace:
        match kind:
            case "edit":
                if how or what not in desk.people:
                    desk.put(str(what))
                else:
                    desk.revoke(str(what))
            case "show":
                gate.feed(*mangled(desk, int(str(what)), str(how)))
            case "truth":
                shown = list(desk.shown.items())
                start = int(str(how)) % len(shown)
                for topic, message in (shown[start:] + shown[:start])[: int(str(what))]:
                    gate.feed(topic, message)
            case "restart":
                gate.restart()
    for _ in range(2):  # the truth returns
        for topic, message in desk.shown.items():
            gate.feed(topic, message)
    assert gate.roster.revision == desk.revision and gate.roster.trouble is None
    assert gate.roster.running == desk.people and gate.roster.problems == {}
    assert {e.id for e, _ in gate.records.values()} == desk.people.keys(), "and nothing else is kept"  # type: ignore[attr-defined]


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from(["manifest", "index/01", "people/01/ann", "keys/lobby", "answer/lobby", "x"]),
)
def test_noise_is_refused(noise: bytes, name: str) -> None:
    desk = Desk()
    gate = roster(desk, None, "n")
    assert gate.feed(f"{desk.topics.desk}/{name}", noise) == [] and gate.running == {}
    assert msgspec.to_builtins(gate.problems) is not None
