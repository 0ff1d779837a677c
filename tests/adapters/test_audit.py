"""The journal of a whitelist on a real SQLite file: what it keeps, what erasing leaves, and which damage it names."""

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from edge import journal
from edge.audit import KEPT, Anchor, Audit
from edge.authority import Authority
from edge.errors import EdgeError
from edge.journal import Deed, Line
from edge.records import Report
from edge.seal import Seal
from edge.whitelist import Whitelist
from tests.adapters.rooms import SITE, Room
from tests.adapters.test_whitelist import CONSENT, PACK, faces


@pytest.fixture
def seal() -> Seal:
    return Seal(secrets.token_bytes(32))


@pytest.fixture
def whitelist(tmp_path: Path, seal: Seal) -> Whitelist:
    return Whitelist(tmp_path / "whitelist.sqlite", seal, write=True)


@pytest.fixture
def audit(whitelist: Whitelist, seal: Seal) -> Audit:
    """Three people enrolled, the second revoked, a gate added: five lines."""
    ids = [whitelist.enroll(name, CONSENT, PACK, faces()).id for name in ("Ann Example", "Bob", "Cyd")]
    whitelist.revoke(ids[1])
    audit = Audit(whitelist.path, seal)
    audit.note(Deed.GATE_ADDED, "north", serial="1f")
    return audit


def change(audit: Audit, *statements: str) -> None:
    with closing(sqlite3.connect(audit.path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_every_deed_is_a_line_with_who_what_when(audit: Audit) -> None:
    lines = audit.lines()
    assert [said.line.deed for said in lines] == [Deed.ENROLLED] * 3 + [Deed.REVOKED, Deed.GATE_ADDED]
    assert [said.personal.get("name") for said in lines] == ["Ann Example", "Bob", "Cyd", "Bob", None]
    assert {said.line.actor for said in lines} == {journal.account()}
    assert lines[0].line.data.details["retain_until"] == str(CONSENT.retain_until)
    assert audit.verify([audit.anchor()]) == (5, None)


def test_a_change_that_fails_leaves_no_line(whitelist: Whitelist, audit: Audit) -> None:
    with pytest.raises(EdgeError):
        whitelist.revoke("nobody22")
    assert audit.verify()[0] == 5


def test_names_are_sealed_and_templates_are_not_there_at_all(audit: Audit) -> None:
    with closing(sqlite3.connect(audit.path)) as db:
        rows = db.execute("SELECT line, personal FROM journal").fetchall()
    text = b"".join(bytes(part) for row in rows for part in row if part)
    assert b"Ann Example" not in text and CONSENT.reference.encode() not in text
    assert faces().tobytes()[:8] not in text
    assert max(len(line) for line, _ in rows) < 1200


def test_erasing_takes_what_is_personal_and_leaves_the_chain(audit: Audit) -> None:
    person, anchor = audit.lines()[0].line.subject, audit.anchor()
    with closing(sqlite3.connect(audit.path)) as db:
        journal.forget(db, person)
        db.commit()
    assert audit.lines(person)[0].personal == {}
    assert audit.verify([anchor]) == (5, None)


DAMAGE = {
    "a line reworded": (["UPDATE journal SET line = replace(line, 'enrolled', 'restored') WHERE sequence = 2"], 2),
    "a line taken out": (["DELETE FROM journal WHERE sequence = 3"], 3),
    "the beginning cut off": (["DELETE FROM journal WHERE sequence <= 2"], 1),
    "a name of another line": (
        ["UPDATE journal SET personal = (SELECT personal FROM journal WHERE sequence = 1) WHERE sequence = 2"],
        2,
    ),
    "two lines exchanged": (
        ["UPDATE journal SET sequence = -sequence WHERE sequence IN (2, 3)",
         "UPDATE journal SET sequence = 5 + sequence WHERE sequence < 0"],
        2,
    ),
    "no line at all": (["UPDATE journal SET line = 7 WHERE sequence = 4"], 4),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_the_first_break_is_named(audit: Audit, what: str) -> None:
    statements, sequence = DAMAGE[what]
    change(audit, *statements)
    found = audit.verify()[1]
    assert found and found.sequence == sequence, found


def rewritten(audit: Audit, edit: Callable[[Line], Line]) -> None:
    """What somebody with the disk and the code can do: a whole chain that says something else."""
    with closing(sqlite3.connect(audit.path)) as db:
        previous = journal.GENESIS
        for entry in list(journal.entries(db)):
            line = msgspec.structs.replace(edit(msgspec.json.decode(entry.line, type=Line)), previoushash=previous)
            previous = journal.hash_of(line)
            values = msgspec.json.encode(line), previous, line.sequence
            db.execute("UPDATE journal SET line = ?, hash = ?, personal = NULL WHERE sequence = ?", values)
        db.commit()


def test_a_whole_chain_that_was_rewritten_or_shortened_differs_from_what_a_gate_has_kept(audit: Audit) -> None:
    anchor = audit.anchor()
    rewritten(audit, lambda line: msgspec.structs.replace(line, actor="somebody else"))
    assert audit.verify()[1] is None
    assert audit.verify([anchor])[1] is not None
    later = Anchor(anchor.sequence + 1, "0" * 64)
    assert audit.verify([later])[1] is not None


@pytest.mark.parametrize(("after", "missing"), [(0, [0, 1, 2]), (2, [1, 2]), (3, [1])])
def test_whoever_is_on_the_list_without_a_line_is_named(audit: Audit, after: int, missing: list[int]) -> None:
    """Nobody has kept an anchor of a gate that stands alone: the people themselves tell of the end that was cut off."""
    ids = [said.line.subject for said in audit.lines()[:3]]
    change(audit, f"DELETE FROM journal WHERE sequence > {after}")
    found = audit.verify()[1]
    assert found and found.sequence == after + 1
    assert [person for person in ids if person in str(found.why)] == [ids[number] for number in missing]


def test_everybody_sealed_anew_is_one_line_that_counts_for_all(whitelist: Whitelist, audit: Audit) -> None:
    whitelist.renumber()
    assert audit.verify() == (6, None)
    change(audit, "DELETE FROM journal WHERE sequence = 6")
    assert audit.verify()[1] is not None


def enrolled_long_ago(audit: Audit) -> None:
    """The first two."""
    first = "SELECT id FROM people ORDER BY enrolled_at LIMIT 2"
    change(audit, f"UPDATE people SET enrolled_at = '2019-01-01T00:00:00Z' WHERE id IN ({first})")


def test_lines_go_after_three_years_and_the_cut_says_so(audit: Audit) -> None:
    anchor, first, somebody = audit.anchor(), audit.lines()[0].line.at, audit.lines()[0].line.subject
    assert audit.cut(first + KEPT) == 0
    rewritten(audit, lambda line: msgspec.structs.replace(line, at=line.at - KEPT) if line.sequence <= 2 else line)
    enrolled_long_ago(audit)
    assert audit.cut(audit.lines()[2].line.at) == 2
    lines = audit.lines()
    assert (len(lines), lines[-1].line.deed) == (4, Deed.CUT)
    assert audit.verify([Anchor(1, anchor.hash)]) == (4, None), "an anchor of what was cut off says nothing"
    assert lines[-1].line.at - first < timedelta(minutes=1)
    audit.note(Deed.REPORTED, somebody)
    assert audit.verify()[1] is None, "who asks for a report of somebody changes nothing"


@pytest.mark.parametrize(
    ("years", "cut"),
    [([0, 0, -50, 0, 0], 0), ([-4, -50, 0, -4, 0], 2), ([-4, 50, -4, 0, 0], 3), ([-4, 50, 0, 0, 0], 1)],
)
def test_what_a_wrong_clock_dated_goes_with_the_lines_around_it(audit: Audit, years: list[int], cut: int) -> None:
    """Set back, it had all lines before destroyed, of the last days too."""
    now = audit.lines()[-1].line.at
    age = [timedelta(days=365 * number) for number in years]
    rewritten(audit, lambda line: msgspec.structs.replace(line, at=line.at + age[line.sequence - 1]))
    assert audit.cut(now) == cut
    assert len(audit.lines()) == 5 - cut + bool(cut)


@pytest.mark.parametrize("until", [None, "soon", "2020-01-01"])
def test_a_cut_that_nobody_here_wrote_is_a_break_and_no_more(audit: Audit, until: str | None) -> None:
    lines = audit.lines()
    told = {"through": "2", "hash": lines[2].line.previoushash}
    audit.note(Deed.CUT, "journal", **(told | {"until": until} if until else {}))
    change(audit, "DELETE FROM journal WHERE sequence <= 2")
    enrolled_long_ago(audit)
    found = audit.verify()[1]
    assert (found is None) is (until == "2020-01-01")


def test_a_gate_that_was_taken_over_and_asks_without_end_fills_no_journal(room: Room) -> None:
    authority = Authority(room.config, room.credentials)
    asked = [Report(SITE, "lobby", 0, 0.0, 0, 0.0, nonce=f"{number}") for number in range(200)]
    for report in asked:
        assert authority.answer(report)
    room.enroll()
    authority.issue()
    authority.answer(asked[0])
    authority.close()
    lines = [said.line for said in Audit.of(room.config, room.credentials).lines("lobby")]
    told = [(line.data.details["revision"], line.data.details["times"]) for line in lines if line.deed is Deed.ANSWERED]
    assert told == [("0", "1"), ("1", "200")]


def test_a_desk_that_cannot_write_what_it_only_counted_ends_all_the_same(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """Else why it ends, which may be that its database is outdated, would not be told."""
    authority = Authority(room.config, room.credentials)
    for number in range(2):
        authority.answer(Report(SITE, "lobby", 0, 0.0, 0, 0.0, nonce=f"{number}"))
    full = "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    change(authority.audit, full)
    authority.close()
    assert "database or disk is full" in caplog.text
