"""What the room keeps: alarms survive a crash at the worst moment."""

import functools
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text

from edge.errors import StoreError
from edge.seal import GENESIS, commit
from edge.transport import Envelope, Presence
from monitor.casebook import Casebook
from monitor.chain import Chain as StepChain
from monitor.database import Database, address
from monitor.handling import Refused
from monitor.ledger import Ledger, Recorded
from monitor.limits import Rules
from monitor.reports import of_event, of_state
from monitor.stream import Flaw, Problem, Stream, iso, parse
from monitor.terms import Action, Check, Stage, State

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
    11: (),
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
    for state in ("stalled", "broken", "broken"):
        cases.recorded(chain.report("CameraFault", active=True, state=state))
        cases.tick()
    found = cases.find(1)
    assert found and (found.detail, found.check) == ("state: broken", Check.FRAMES)
    assert [found] == cases.open() == Casebook(database, Rules()).open() and len(told) == 2


def test_what_is_amiss_with_a_door_is_over_for_itself_and_nothing_else_with_it(database: Database) -> None:
    chain, cases = Chain(database), Casebook(database, Rules())
    fault = functools.partial(chain.report, "DoorFault")
    for source in ("inputs", "relay"):
        cases.recorded(fault(active=True, source=source))
    cases.act(2, Action.ACKNOWLEDGE, "li")
    cases.recorded(fault(active=False, source="inputs"))
    cases.recorded(fault(active=True, source="relay"))  # as the gate says again what lasts
    assert {alarm.key.source: alarm.state for alarm in cases.open()} == {
        "inputs": State.CLEARED, "relay": State.ACKNOWLEDGED,
    }  # fmt: skip
    cases.recorded(fault(active=False, source="relay"))
    assert not any(alarm.active for alarm in cases.open())
    assert [step.stage for step in cases.steps(2)] == [Stage.RAISED, Stage.ACKNOWLEDGED, Stage.CLEARED]


@pytest.mark.parametrize("detail", ["source: relay, detail: the relay does not answer", "detail: x, source: relay"])
def test_an_alarm_of_a_door_from_before_is_over_and_returns_by_its_source(tmp_path: Path, detail: str) -> None:
    with Database(tmp_path / "room.sqlite") as database:
        chain = Chain(database)
        Casebook(database, Rules()).recorded(chain.report("DoorFault", active=True, source="relay"))
        with database.writing() as connection:
            old = msgspec.json.decode(connection.execute(text("SELECT document FROM alarms")).scalar_one())
            old = msgspec.json.encode({**old, "key": old["key"][:4], "detail": detail})
            connection.execute(text("UPDATE alarms SET document = :document"), {"document": old})
        as_before(database, 10)
    with Database(tmp_path / "room.sqlite") as database:
        cases, chain.ledger = Casebook(database, Rules()), Ledger(database)
        for active in (True, False):
            cases.recorded(chain.report("DoorFault", active=active, source="supply"))
        cases.recorded(chain.report("DoorFault", active=False, source="relay"))
        cases.recorded(chain.report("DoorFault", active=True, source="relay"))
        known = [alarm for alarm in cases.open() if alarm.key.source == "relay"]
        assert [(alarm.number, alarm.occurrences) for alarm in known] == [(1, 2)]


def test_who_closes_too_early_is_refused_and_nothing_is_written(database: Database) -> None:
    cases = Casebook(database, Rules())
    cases.recorded(Chain(database).report("DoorTamper", active=True))
    with pytest.raises(Refused):
        cases.act(1, Action.CLOSE, "li")
    assert len(cases.steps(1)) == 1


@pytest.mark.parametrize("where", ["mysql://x/y", "://", "nothing"])
def test_an_address_of_no_database_is_told(where: str) -> None:
    with pytest.raises(StoreError):
        address(where)


def test_an_alarm_whose_key_names_nobody_lasts_while_the_same_is_so_of_anybody(database: Database) -> None:
    cases, chain = Casebook(database, Rules()), Chain(database)
    for active, others, lasts in ((True, 0, True), (True, 1, True), (False, 1, True), (False, 0, False)):
        for each in chain.report("RepeatedRefusals", 700, active=active, others=others):
            cases.hear(of_event(each.received))
        [alarm] = cases.open()
        assert alarm.active is lasts and alarm.occurrences == 1
