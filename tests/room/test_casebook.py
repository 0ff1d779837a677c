"""What the room keeps: alarms survive a crash at the worst moment, and erasure leaves the proof."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import select, text, update

from edge.errors import StoreError
from edge.events import TABLE
from edge.seal import GENESIS, commit
from edge.transport import Envelope, Event, Presence
from monitor.api import since_time
from monitor.casebook import Casebook
from monitor.chain import Chain as StepChain
from monitor.database import Database, address
from monitor.gaps import GONE
from monitor.handling import Refused
from monitor.history import History, Wanted, iso
from monitor.ledger import Ledger, Recorded
from monitor.limits import Rules
from monitor.reports import of_state
from monitor.stream import Flaw, Problem, Stream, parse
from monitor.tables import EVENTS
from monitor.terms import DAY_S, Action, Check, Stage, State

EPOCH = "a" * 16


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "room.sqlite") as database:
        yield database


def committed(**fields: str) -> dict[str, object]:
    """Personal fields as gates send them."""
    pairs = {name: (*commit(value), value) for name, value in fields.items()}
    return {
        "personal": {name: [salt, value] for name, (salt, _, value) in pairs.items()},
        "commitments": {name: digest for name, (_, digest, _) in pairs.items()},
    }


UNDO = {
    10: ("DROP INDEX events_named",),
    9: (),
    8: ("DROP INDEX problems_position", "ALTER TABLE problems DROP COLUMN position",
        "DELETE FROM cursors WHERE name = 'problems'"),
    7: ("UPDATE events SET person = NULL", "DROP TABLE accepted"),
}  # fmt: skip
"""What takes back the steps of the migrations."""


def as_before(database: Database, version: int) -> None:
    """As a room left it whose last migration was this one."""
    with database.writing() as connection:
        for statement in (each for number, undo in UNDO.items() if number > version for each in undo):
            connection.execute(text(statement))
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version:04}'"))


class Chain:
    """A gate's events, as they reach the ledger."""

    def __init__(self, database: Database, site: str = "hq") -> None:
        self.ledger, self.sequence, self.digest = Ledger(database), 0, GENESIS
        self._site = site

    def report(
        self, kind: str, severity: int = 900, at: float | str | None = None, subject: str = "door/main",
        **data: object,
    ) -> list[Recorded]:  # fmt: skip
        self.sequence += 1
        place = f"{self.sequence:012}"
        personal, when = committed(person="p001"), at if isinstance(at, str) else iso(at or time.time())
        event = Envelope(
            f"{EPOCH}-{place}", f"/{self._site}/gate-1", f"edge-gate.{kind}", subject, when, severity, True,
            EPOCH, place, self.digest, {**(personal if kind == "AccessGranted" else {}), **data},
        )  # fmt: skip
        received = parse(f"edge/v1/{self._site}/gate-1/event", msgspec.json.encode(event))
        self.digest = received.hash
        moved = Stream(self._site, "gate-1", EPOCH, self.sequence, self.digest)
        return self.ledger.commit([received], [moved], [], {})


def test_an_event_that_was_committed_before_a_crash_is_dealt_with_once_after_it(database: Database) -> None:
    chain = Chain(database)
    first = Casebook(database, Rules())
    first.recorded(chain.report("DoorForcedOpen", active=True))
    lost = chain.report("DoorForcedOpen", active=False)  # and then the power fails
    again = Casebook(database, Rules())
    assert [alarm.state for alarm in again.open()] == [State.CLEARED]
    again.recorded(lost)
    assert [step.stage for step in again.steps(1)] == [Stage.RAISED, Stage.CLEARED]
    assert StepChain(database, OKPKey.generate_key("Ed25519")).verify().broken is None


def test_a_fault_of_before_the_power_was_cut_does_not_last_for_ever(database: Database) -> None:
    chain, cases = Chain(database), Casebook(database, Rules())
    cases.recorded(chain.report("CameraClockFault", 300, active=True))
    cases.recorded(chain.report("GateStarted", 100))
    assert [alarm.state for alarm in cases.open()] == [State.CLEARED]


def test_who_cuts_the_power_of_a_door_that_was_forced_has_not_shut_it(database: Database) -> None:
    chain, cases = Chain(database), Casebook(database, Rules())
    for kind, data in (
        ("DoorForcedOpen", {"active": True}),
        ("GateStarted", {}),
        ("DoorPhysicalStateChanged", {"state": "Open"}),
    ):
        cases.recorded(chain.report(kind, **data))  # type: ignore[arg-type]
    assert [alarm.state for alarm in cases.open()] == [State.ACTIVE]
    cases.recorded(chain.report("DoorPhysicalStateChanged", 100, state="Closed"))
    assert [alarm.state for alarm in cases.open()] == [State.CLEARED]


def test_a_camera_that_does_not_tell_its_time_is_not_called_right(database: Database) -> None:
    chain, cases = Chain(database), Casebook(database, Rules(check_hold_s=0.0))
    for active in (True, False):
        cases.recorded(chain.report("CameraClockFault", 300, subject="camera/front", active=active))
    [key] = [alarm.key for alarm in cases.open()]
    for wrong in (None, False):
        cameras = {key.subject.removeprefix("camera/"): {"clock_wrong": wrong}}
        cases.hear(of_state("hq", "gate-1", Presence("online", gate={"cameras": cameras})))
        assert [alarm.checked is not None for alarm in cases.open()] == [wrong is False]


def test_a_flaw_that_was_found_before_a_crash_is_an_alarm_after_it(database: Database) -> None:
    Chain(database).ledger.commit([], [], [Problem("hq", "gate-1", EPOCH, Flaw.GAP, 3, 4, "gone")], {})
    [alarm] = Casebook(database, Rules()).open()
    assert (alarm.key.kind, alarm.active, alarm.detail) == ("room.gap", True, "3-4: gone")
    assert len(Casebook(database, Rules()).open()) == 1 and len(Casebook(database, Rules()).steps(1)) == 1


def test_a_flaw_is_an_alarm_after_a_crash_also_when_somebody_acts_between(database: Database) -> None:
    chain, cases = Chain(database), Casebook(database, Rules())
    cases.recorded(chain.report("DoorTamper", active=True))
    flaw = Problem("hq", "gate-1", EPOCH, Flaw.BREAK, 2, 2, "x")
    chain.ledger.commit([], [], [flaw], {})
    cases.act(1, Action.ACKNOWLEDGE, "li")  # and then the power fails
    again = Casebook(database, Rules())
    assert {alarm.key.kind for alarm in again.open()} == {"DoorTamper", "room.break"}
    again.recorded([], [flaw])
    assert [step.stage for step in again.steps(2)] == [Stage.RAISED]


def test_a_flaw_that_is_found_again_is_reported_again(database: Database) -> None:
    ledger, cases = Ledger(database), Casebook(database, Rules())
    flaw = Problem("hq", "gate-1", EPOCH, Flaw.CONFLICT, 2, 2, "x")
    for _ in range(2):
        ledger.commit([], [], [flaw], {})
        cases.recorded([], [flaw])
    assert [step.stage for step in cases.steps(1)] == [Stage.RAISED, Stage.REALARMED]
    assert ledger.problems() == [flaw]


def test_only_flaws_that_an_older_room_had_no_time_for_become_alarms_after_an_upgrade(tmp_path: Path) -> None:
    with Database(tmp_path / "room.sqlite") as database:
        ledger, cases = Ledger(database), Casebook(database, Rules())
        flaws = [Problem("hq", gate, EPOCH, Flaw.GAP, 1, 2, "x") for gate in ("told", "new", "newer")]
        ledger.commit([], [], flaws[:1], {})
        cases.recorded([], flaws[:1])
        for flaw in flaws[1:]:
            ledger.commit([], [], [flaw], {})
        as_before(database, 7)
    with Database(tmp_path / "room.sqlite") as database:
        assert {alarm.key.gate for alarm in Casebook(database, Rules()).open()} == {"told", "new", "newer"}
        assert len(Casebook(database, Rules()).steps(1)) == 1


def test_when_the_disk_fails_nothing_is_believed_that_is_not_on_it(database: Database, tmp_path: Path) -> None:
    chain, cases = Chain(database), Casebook(database, Rules())
    recorded = chain.report("DoorTamper", active=True)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE steps RENAME TO elsewhere")
    with pytest.raises(StoreError):
        cases.recorded(recorded)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO steps")
    cases.tick()
    assert [alarm.key.kind for alarm in cases.open()] == ["DoorTamper"] and len(cases.steps(1)) == 1


def test_what_is_reported_of_an_alarm_meanwhile_is_kept_and_told_once(database: Database) -> None:
    chain, told = Chain(database), list[bool]()
    cases = Casebook(database, Rules(), lambda: told.append(True))
    for source in ("inputs", "relay", "relay"):
        cases.recorded(chain.report("DoorFault", active=True, source=source))
        cases.tick()
    found = cases.find(1)
    assert found and (found.detail, found.check) == ("source: relay", Check.RELAY)
    assert [found] == cases.open() == Casebook(database, Rules()).open() and len(told) == 2


def test_who_closes_too_early_is_refused_and_nothing_is_written(database: Database) -> None:
    cases = Casebook(database, Rules())
    cases.recorded(Chain(database).report("DoorTamper", active=True))
    with pytest.raises(Refused):
        cases.act(1, Action.CLOSE, "li")
    assert len(cases.steps(1)) == 1


def test_erasing_who_passed_leaves_a_chain_that_is_whole(database: Database) -> None:
    chain, history = Chain(database), History(database)
    old, now = time.time() - 100 * 86_400, time.time()
    for at in (old, now):
        chain.report("AccessGranted", 100, at)
    assert history.erase(now - 90 * 86_400) == 1 and history.erase(now - 90 * 86_400) == 0
    named, erased = history.search(Wanted(), 10, personal=True)
    assert named.event["data"]["personal"] == {"person": "p001"} and "personal" not in erased.event["data"]
    assert [each.position for each in history.search(Wanted(person="p001"), 10)] == [2]
    assert "personal" not in history.search(Wanted(), 1)[0].event["data"]
    assert chain.ledger.verify()


@pytest.mark.parametrize("when", ["2036-01-01T00:00:00.000Z", "zzzz"])
def test_a_gate_whose_clock_is_wrong_keeps_nobodys_name_for_longer(database: Database, when: str) -> None:
    chain, history = Chain(database), History(database)
    chain.report("AccessGranted", 100, when)
    assert history.erase(time.time() - 1) == 0
    assert history.erase(time.time() + 1) == 1 and history.erase(time.time() + 1) == 0
    assert "personal" not in history.search(Wanted(), 1, personal=True)[0].event["data"] and chain.ledger.verify()


def test_more_names_than_a_batch_end_one_batch_after_the_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.history.ERASED", 2)
    chain, history = Chain(database), History(database)
    for when in (time.time() - DAY_S, "2036-01-01T00:00:00.000Z", time.time() - DAY_S):
        chain.report("AccessGranted", 100, when)
    erased = [history.erase(time.time() + 1) for _ in range(4)]
    assert sum(erased) == 3 and max(erased) <= 2 and erased[-1] == 0


PERSONAL = {kind: row.personal for kind, row in TABLE.items() if row.personal}


@pytest.mark.parametrize("kind", PERSONAL, ids=lambda kind: kind.__name__)
def test_whatever_is_personal_in_an_event_ends(database: Database, kind: type[Event]) -> None:
    chain, history = Chain(database), History(database)
    chain.report(
        kind.__name__, 100, time.time() - 100 * 86_400, **committed(**dict.fromkeys(PERSONAL[kind], "Wang Fang"))
    )
    assert b"Wang Fang" in (chain.ledger.find(f"{EPOCH}-{1:012}") or b"")
    assert history.erase(time.time() - 90 * 86_400) == 1
    assert b"Wang Fang" not in (chain.ledger.find(f"{EPOCH}-{1:012}") or b"") and chain.ledger.verify()
    with database.reading() as connection:
        assert connection.execute(select(EVENTS.c.person)).scalar_one() is None


def test_names_in_answered_commands_of_an_older_room_end_too(tmp_path: Path) -> None:
    with Database(tmp_path / "room.sqlite") as database:
        Chain(database).report("CommandAnswered", 100, time.time() - 100 * 86_400, **committed(operator="li", by="li"))
        as_before(database, 6)
    with Database(tmp_path / "room.sqlite") as database:
        assert History(database).erase(time.time()) == 1


@pytest.mark.parametrize("payload", [b"", b"\xff", b"5", b"{}", b'{"data": 5}', b"[" * 100_000])
def test_a_damaged_event_does_not_keep_others_from_being_shown_or_erased(database: Database, payload: bytes) -> None:
    chain, history = Chain(database), History(database)
    for _ in range(2):
        chain.report("AccessGranted", 100, time.time() - 100 * 86_400)
    with database.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.sequence == 1).values(payload=payload))
    noted = [each.event for each in history.search(Wanted(), 10)][1]
    assert history.erase(time.time()) == 2 and history.erase(time.time()) == 0
    again = [each.event for each in history.search(Wanted(), 10, personal=True)][1]
    assert noted == again and (noted["source"], noted["type"]) == ("/hq/gate-1", "edge-gate.AccessGranted")
    with database.reading() as connection:
        rows = connection.execute(select(EVENTS.c.payload).order_by(EVENTS.c.sequence)).scalars().all()
    assert bytes(rows[0]).startswith(GONE) and not any(b"p001" in bytes(row) for row in rows)
    assert [gap.place.sequence for gap in chain.ledger.audit().gaps] == [1]


@pytest.mark.parametrize(
    "deed", ["DELETE FROM events WHERE sequence = 3", "UPDATE events SET payload = ? WHERE sequence = 3"]
)
def test_an_event_that_is_missing_or_changed_is_named(database: Database, deed: str) -> None:
    chain, history = Chain(database), History(database)
    for number in range(5):
        chain.report("RequestToExit", 100, note=str(number))
    assert chain.ledger.audit() == (5, [])
    payload = msgspec.json.encode(history.search(Wanted(), 10)[1].event)  # that of another place
    with database.writing() as connection:
        values = {"payload": payload} if "?" in deed else {}
        connection.execute(text(deed.replace("?", ":payload")), values)
    events, gaps = chain.ledger.audit()
    assert events == 2 and [gap.place for gap in gaps] == [("hq", "gate-1", EPOCH, 3)]


def test_history_goes_on_where_a_page_ended(database: Database) -> None:
    chain, history = Chain(database), History(database)
    for number in range(7):
        chain.report("RequestToExit", 100, 1_790_000_000.0 + number // 2)
    seen: list[int] = []
    before = None
    while page := history.search(Wanted(gate="gate-1"), 3, before):
        seen += [each.position for each in page]
        before = (page[-1].event["time"], page[-1].position)
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert [each.late for each in history.since(0, Wanted(), 1)] == [True]
    assert history.types() == ["edge-gate.RequestToExit"]


@pytest.mark.parametrize(
    "asked", ["2026-11-24T08:00:00Z", "2026-11-24T16:00:00.000+08:00", "2026-11-24T16:00:00 08:00"]
)
def test_a_time_is_looked_for_as_gates_write_it(database: Database, asked: str) -> None:
    Chain(database).report("RequestToExit", 100, 1_795_507_200.0)
    assert len(History(database).since(0, Wanted(since=since_time(asked)), 10)) == 1


@pytest.mark.parametrize("where", ["mysql://x/y", "://", "nothing"])
def test_an_address_of_no_database_is_told(where: str) -> None:
    with pytest.raises(StoreError):
        address(where)
