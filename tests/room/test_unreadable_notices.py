"""A notice that cannot be read any more is set aside and told; whom it was for is told anew."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from monitor.database import Database
from monitor.tables import DELIVERIES
from monitor.terms import UNDELIVERED, Check, Raised
from tests.adapters.brokers import until
from tests.room.posts import KEY, Bench, Hook, Letters, configured


@pytest.mark.parametrize(
    ("column", "value"), [("document", b"{"), ("document", b'{"id": 1}'), ("document", b"\xff"), ("way", "pigeon")]
)
def test_a_notice_that_cannot_be_read_is_set_aside_and_told_once_and_its_level_is_told_anew(
    tmp_path: Path, database: Database, hook: str, column: str, value: object
) -> None:
    levels = f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
    Hook.failures = 1
    bench = Bench(configured(tmp_path, levels), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    bench.turn()
    with database.writing() as connection:
        connection.execute(update(DELIVERIES).values(**{column: value, "next": 0.0}))
    other = KEY._replace(gate="garage")
    bench.casebook.hear([Raised(other, 900, Check.LOOK, latched=True)])
    bench.dispatcher.start()
    until(lambda: {each.notice.alarm.key for each in bench.deliveries.latest(9) if each.done} >= {KEY, other})
    bench.dispatcher.stop()
    [alarm] = [each for each in bench.casebook.open() if each.key.kind == UNDELIVERED]
    assert alarm.occurrences == 1 and alarm.detail.startswith("a notice cannot be read: ")
    with database.reading() as connection:
        [row] = connection.execute(select(DELIVERIES).where(DELIVERIES.c.state == "unreadable"))
    assert (row.alarm, row.why) == (1, alarm.detail)


@pytest.mark.parametrize(("column", "value"), [("document", b"{"), ("way", "pigeon")])
def test_a_way_whose_notice_cannot_be_read_is_told_what_the_other_was_told_and_the_other_not_again(
    tmp_path: Path, database: Database, letters: tuple[Letters, int], hook: str, column: str, value: object
) -> None:
    levels = (
        f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
        'email = ["guard@example.cn"]\n[[rule]]\ntell = ["guard_post"]\nkinds = ["DoorForcedOpen"]\n'
    )
    Hook.failures = 1
    bench = Bench(configured(tmp_path, levels, letters[1]), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    bench.turn()
    with database.writing() as connection:
        failed = DELIVERIES.c.state == "waiting"
        connection.execute(update(DELIVERIES).where(failed).values(**{column: value, "next": 0.0}))
    for _ in range(3):
        told = bench.turn()
    assert sorted((each.way, each.state) for each in told) == [("email", "delivered"), ("webhook", "delivered")]
    [(headers, _)] = Hook.taken
    assert len(letters[0].taken) == 1 and {each.notice.id for each in told} == {headers["webhook-id"]}


def test_of_whom_an_unreadable_row_has_told_is_told_again(tmp_path: Path, database: Database, hook: str) -> None:
    levels = f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
    settings = configured(tmp_path, levels)
    bench = Bench(settings, database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    bench.turn()
    with database.writing() as connection:
        connection.execute(update(DELIVERIES).values(cause="because"))
    assert len(Bench(settings, database).turn()) == 2
