"""What was done with alarms is a chain that survives erasure and a cut, and names the first place that was touched."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import delete, insert, select, update

from edge.seal import Signer, chain_hash
from edge.simulate import HOST
from monitor.casebook import Casebook
from monitor.chain import TYPE, Chain, Checkpoint
from monitor.database import Database
from monitor.limits import Rules
from monitor.room import Room
from monitor.settings import load
from monitor.tables import ALARMS, CHECKPOINTS, STEPS
from monitor.terms import Action, Check, Key, Raised
from tests.commands import answer, run
from tests.room.test_retention import closed_by

DAY_S = 86_400.0
KEY = OKPKey.generate_key("Ed25519")


def opened(casebook: Casebook, gate: str = "north") -> int:
    """An alarm that nobody has closed yet."""
    return casebook.report(Raised(Key("hq", gate, "door/main", "DoorTamper"), 900, Check.LOOK, latched=True))


def tomorrow() -> float:
    return time.time() + DAY_S


@pytest.fixture
def casebook(database: Database) -> Casebook:
    """Steps 1 to 5 of a closed alarm, 6 of an open one, 7 to 11 of a closed one."""
    casebook = Casebook(database, Rules(reopen_within_s=0.0))
    closed_by(casebook, "zhao", "li", "wang", "li")
    opened(casebook)
    dealt_with(casebook, opened(casebook, "south"))
    return casebook


def dealt_with(casebook: Casebook, number: int) -> None:
    for action, name in ((Action.ACKNOWLEDGE, "sun"), (Action.MEND, "li"), (Action.LOOK, "wang"), (Action.CLOSE, "li")):
        casebook.act(number, action, name, "words")


def test_old_steps_are_cut_off_up_to_the_first_that_must_stay(casebook: Casebook, database: Database) -> None:
    chain = Chain(database, KEY)
    assert chain.cut(time.time() - DAY_S) == (0, None, None)
    assert chain.cut(tomorrow()).steps == 5
    assert [len(casebook.steps(number)) for number in (1, 2, 3)] == [0, 1, 5] and casebook.find(1) is not None
    steps, cut, broken = chain.verify()
    assert cut and (steps, cut.through, broken) == (6, 5, None)
    assert chain.cut(tomorrow()) == (0, cut, None)


def test_the_chain_goes_on_after_cuts_and_an_erasure(casebook: Casebook, database: Database) -> None:
    chain = Chain(database, KEY)
    chain.cut(tomorrow())
    dealt_with(casebook, 2)
    assert chain.cut(tomorrow()).steps == 9  # all but the newest
    with database.reading() as connection:
        assert len(connection.execute(select(CHECKPOINTS)).all()) == 1
    again = Casebook(database, Rules(reopen_within_s=0.0))
    assert opened(again) == 4
    again.act(4, Action.ACKNOWLEDGE, "li", "private words")
    again.erase(tomorrow())
    assert [step.who for step in again.steps(4)] == ["", ""]
    steps, cut, broken = chain.verify()
    assert cut and (steps, cut.through, broken) == (3, 14, None)


def test_a_step_stays_that_is_younger_than_its_alarm_is_said_to_be(casebook: Casebook, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(update(ALARMS).values(closed=1.0))
    assert Chain(database, KEY).cut(time.time() - DAY_S).steps == 0


# What somebody may do to it by hand ----------------------------------------------------------------------------------


def put(connection: Any, place: int, **values: object) -> None:
    connection.execute(update(STEPS).where(STEPS.c.position == place).values(**values))


def changed(connection: Any, place: int, change: Callable[[dict[str, Any]], None], rehash: bool = False) -> None:
    row = connection.execute(select(STEPS).where(STEPS.c.position == place)).one()
    document = msgspec.json.decode(row.document)
    change(document)
    put(connection, place, document=msgspec.json.encode(document), hash=chain_hash(document) if rehash else row.hash)


def signed(key: OKPKey, through: int) -> dict[str, object]:
    claims = msgspec.to_builtins(Checkpoint(through, "f" * 64, 0.0, 0.0))
    return {"position": through, "token": Signer(key, TYPE).sign(claims)}


def renamed(document: dict[str, Any]) -> None:
    document["data"]["personal"]["who"][1] = "nobody"


def restaged(document: dict[str, Any]) -> None:
    document["stage"] = "noted"


def reworded(document: dict[str, Any]) -> None:
    document["data"]["text"] = "nothing happened"


GONE, CHANGED = "what stood here is gone", "it was changed"
DEEDS: dict[str, tuple[Callable[[Any], object], int, str]] = {
    "a step is another": (lambda db: changed(db, 8, restaged), 8, CHANGED),
    "what the machine said is another": (lambda db: changed(db, 7, reworded), 7, CHANGED),
    "and so is its hash": (lambda db: changed(db, 8, lambda told: told.update(at=1.0), True), 8, CHANGED),
    "a column is another": (lambda db: put(db, 9, at=1.0), 9, CHANGED),
    "a name is another": (
        lambda db: changed(db, 8, renamed), 8, "a personal field is not the one that was committed to",
    ),
    "it is no step at all": (lambda db: put(db, 7, document=b"{}"), 7, CHANGED),
    "a step is gone": (lambda db: db.execute(delete(STEPS).where(STEPS.c.position == 8)), 8, GONE),
    "the first is gone": (lambda db: db.execute(delete(STEPS).where(STEPS.c.position == 6)), 6, GONE),
    "all are gone": (lambda db: db.execute(delete(STEPS)), 6, GONE),
    "the checkpoint is gone": (lambda db: db.execute(delete(CHECKPOINTS)), 1, GONE),
    "another signed a cut": (
        lambda db: db.execute(insert(CHECKPOINTS), signed(OKPKey.generate_key("Ed25519"), 7)), 7,
        "its checkpoint is not the room's",
    ),
    "it was cut elsewhere": (lambda db: db.execute(insert(CHECKPOINTS), signed(KEY, 7)), 6, "it was cut off before"),
}  # fmt: skip


def test_the_first_break_is_named_and_nothing_of_it_is_cut(casebook: Casebook, database: Database) -> None:
    chain = Chain(database, KEY)
    chain.cut(tomorrow())
    with database.writing() as connection:
        connection.execute(update(ALARMS).values(closed=1.0))
        kept = {table: connection.execute(select(table)).all() for table in (STEPS, CHECKPOINTS)}
    for deed, (touch, place, why) in DEEDS.items():
        with database.writing() as connection:
            touch(connection)
            left = len(connection.execute(select(STEPS)).all())
        broken = chain.verify().broken
        assert broken and (broken.position, str(broken.why)) == (place, why), deed
        chain.cut(tomorrow())
        with database.writing() as connection:
            assert len(connection.execute(select(STEPS)).all()) == left, deed
            for table, rows in kept.items():
                connection.execute(delete(table))
                connection.execute(insert(table), [row._asdict() for row in rows])
    assert chain.verify().broken is None


def test_a_room_cuts_by_itself_and_a_break_is_an_alarm_and_told_by_the_command(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text(f'[broker]\nhost = "{HOST}"\n[alarms]\nreopen_within_s = 0.0\n')
    room = Room(load(config), lambda *_, **__: None)
    for _ in range(2):
        closed_by(room.casebook, "zhao", "li", "wang", "li")
    last = opened(room.casebook)
    room._erase(time.time() + 1000 * DAY_S)
    assert len(room.casebook.steps(1)) == 5
    room._erase(time.time() + 1100 * DAY_S)
    assert len(room.casebook.steps(1)) == 0
    told = answer("monitor", "verify", "--config", config)
    assert (told["steps"], told["valid"], told["cut"]["through"], told["first_break"]) == (1, True, 10, None)
    dealt_with(room.casebook, last)
    with room.database.writing() as connection:
        changed(connection, 11, restaged)
        connection.execute(update(ALARMS).values(closed=1.0))
    for _ in range(2):
        room._erase(time.time() + 1100 * DAY_S)
    [alarm] = [each for each in room.casebook.open() if each.key.kind == "room.StepsBroken"]
    assert alarm.detail == "11: it was changed"
    done = run("monitor", "verify", "--config", config)
    assert done.returncode == 1 and "the first break is at step 11: it was changed" in done.stdout
    room.database.close()
