"""The whitelist on a real SQLite file: what it gives a gate, and what becomes of tampering."""

import secrets
import sqlite3
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from edge.audit import Audit
from edge.enrolled import Applicant, Bounds, Consent, Edit, Refreshing, Standing
from edge.errors import RefusedError, SealError, StoreError
from edge.journal import Deed
from edge.matcher import Vector
from edge.seal import Seal, new_sealing_key
from edge.whitelist import Whitelist

TODAY = date(2026, 6, 1)
PACK = "zoo-1"
CONSENT = Consent("form 12", "access to the offices", TODAY + timedelta(days=30))


def faces(count: int = 2) -> Vector:
    rows = np.random.default_rng(count).normal(size=(count, 8)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture
def seal() -> Seal:
    return Seal(secrets.token_bytes(32))


@pytest.fixture
def whitelist(tmp_path: Path, seal: Seal) -> Whitelist:
    return Whitelist(tmp_path / "whitelist.sqlite", seal, write=True)


def tamper(whitelist: Whitelist, statement: str, *values: object) -> None:
    with sqlite3.connect(whitelist.path) as db:
        db.execute(statement, values)
    db.close()


def on_disk(whitelist: Whitelist) -> bytes:
    return b"".join(path.read_bytes() for path in whitelist.path.parent.iterdir())


def test_enrolled_faces_are_what_a_gate_matches(whitelist: Whitelist, seal: Seal) -> None:
    ann = whitelist.enroll("安 Ann", CONSENT, PACK, faces(2))
    bob = whitelist.enroll("Bob", CONSENT, PACK, faces(3))
    gate = Whitelist(whitelist.path, seal)
    gallery = gate.gallery(PACK, TODAY).gallery
    assert gallery.people == (ann.id, bob.id) and len(gallery) == 5 and gallery.revision == gate.revision() == 2
    found = gallery.search(faces(3)[1], 0.9)
    assert found and found.person == bob.id
    assert [person.name for person in gate.people(TODAY)] == ["安 Ann", "Bob"]


def test_names_and_templates_are_sealed_at_rest(whitelist: Whitelist) -> None:
    whitelist.enroll("Ann Example", CONSENT, PACK, faces())
    assert b"Ann Example" not in on_disk(whitelist) and faces().tobytes()[:16] not in on_disk(whitelist)


def test_revocation_acts_at_the_next_look_and_is_taken_back_until_the_record_is_erased(
    whitelist: Whitelist, seal: Seal
) -> None:
    ann = whitelist.enroll("Ann", CONSENT, PACK, faces())
    bob = whitelist.enroll("Bob", CONSENT, PACK, faces(3))
    gate = Whitelist(whitelist.path, seal)
    before = gate.revision()
    whitelist.revoke(ann.id)
    assert gate.revision() == before + 1
    assert gate.gallery(PACK, TODAY).gallery.people == (bob.id,)
    assert gate.person(ann.id, TODAY).standing is Standing.REVOKED
    with pytest.raises(StoreError, match="nobody is enrolled"):
        whitelist.restore(ann.id, CONSENT.retain_until + timedelta(days=1))
    whitelist.restore(ann.id, TODAY)
    assert gate.gallery(PACK, TODAY).gallery.people == (ann.id, bob.id)
    (sealed,) = sqlite3.connect(whitelist.path).execute("SELECT sealed FROM people WHERE id = ?", (ann.id,)).fetchone()
    whitelist.erase(ann.id)
    assert sealed[-64:] not in on_disk(whitelist)
    with pytest.raises(StoreError, match="nobody is enrolled"):
        whitelist.restore(ann.id, TODAY)


def test_an_edit_changes_what_it_names_and_nothing_that_somebody_else_changed(whitelist: Whitelist) -> None:
    ann = whitelist.admit(Applicant("Ann", CONSENT, number="7"), PACK, faces())
    bob = whitelist.admit(Applicant("Bob", CONSENT, number="8"), PACK, faces(3))
    changed = whitelist.edit(ann.id, Edit(name="Anna", bounds=Bounds(("lab",))), ann.revision)
    assert (changed.name, changed.number, changed.bounds.levels, changed.consent) == ("Anna", "7", ("lab",), "form 12")
    assert whitelist.gallery(PACK, TODAY).permits[ann.id].levels == ("lab",)
    with pytest.raises(StoreError, match="was changed meanwhile"):
        whitelist.edit(ann.id, Edit(name="Anne"), ann.revision)
    with pytest.raises(RefusedError, match=f"the number 7 belongs to {ann.id} Anna"):
        whitelist.edit(bob.id, Edit(number="7"))
    assert whitelist.person(bob.id, TODAY) == bob and whitelist.revision() == 3


def test_a_validity_never_outlasts_the_record_whichever_of_them_is_changed(whitelist: Whitelist) -> None:
    ann = whitelist.admit(Applicant("Ann", CONSENT), PACK, faces())
    last = datetime.combine(CONSENT.retain_until, time.max)
    late, early = (last + timedelta(hours=1)).timestamp(), (last - timedelta(days=2)).timestamp()
    for bounds in (Bounds(valid_until=late), Bounds(valid_from=late)):
        with pytest.raises(RefusedError, match=f"beyond {CONSENT.retain_until}.*\n.*keep it longer"):
            whitelist.edit(ann.id, Edit(bounds=bounds))
    whitelist.edit(ann.id, Edit(bounds=Bounds(valid_until=last.timestamp())))
    with pytest.raises(RefusedError, match="the validity goes beyond"):
        whitelist.edit(ann.id, Edit(retain_until=CONSENT.retain_until - timedelta(days=1)))
    assert whitelist.revision() == 2, "what was refused has changed nothing"
    shorter = Edit(retain_until=CONSENT.retain_until - timedelta(days=1), bounds=Bounds(valid_until=early))
    assert whitelist.edit(ann.id, shorter).bounds.valid_until == early


def test_an_edit_that_names_nothing_is_no_change_of_the_list(whitelist: Whitelist) -> None:
    ann = whitelist.admit(Applicant("Ann", CONSENT), PACK, faces())
    with pytest.raises(RefusedError, match="edge-gate people edit --help"):
        whitelist.edit(ann.id, Edit())
    assert whitelist.revision() == 1


def test_an_unknown_id_is_refused_with_the_nearest(whitelist: Whitelist) -> None:
    ann = whitelist.enroll("Ann", CONSENT, PACK, faces())
    with pytest.raises(StoreError, match=f"did you mean {ann.id}"):
        whitelist.revoke(ann.id[:-1])
    with pytest.raises(StoreError, match="is not revoked"):
        whitelist.restore(ann.id, TODAY)
    whitelist.revoke(ann.id)
    with pytest.raises(StoreError, match="is revoked already"):
        whitelist.revoke(ann.id)
    assert whitelist.revision() == 2


def test_nobody_is_matched_after_the_last_day_of_retention(whitelist: Whitelist) -> None:
    whitelist.enroll("Ann", CONSENT, PACK, faces())
    last = CONSENT.retain_until
    assert whitelist.gallery(PACK, last).last_day == last
    assert len(whitelist.gallery(PACK, last).gallery) == 2
    assert len(whitelist.gallery(PACK, last + timedelta(days=1)).gallery) == 0
    assert whitelist.people(last + timedelta(days=1))[0].standing is Standing.EXPIRED


def test_templates_of_another_pack_are_reported_not_matched(whitelist: Whitelist) -> None:
    ann = whitelist.enroll("Ann", CONSENT, PACK, faces())
    selection = whitelist.gallery("zoo-2", TODAY)
    assert len(selection.gallery) == 0 and ann.id in str(selection.left_out[0]) and PACK in str(selection.left_out[0])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("retain_until", "2099-01-01"),
        ("pack", "zoo-2"),
        ("revision", 99),
        ("consent", "form 13"),
        ("sealed", b"x" * 99),
    ],
)
def test_a_changed_record_never_matches(whitelist: Whitelist, column: str, value: object) -> None:
    ann = whitelist.enroll("Ann", CONSENT, PACK, faces())
    bob = whitelist.enroll("Bob", CONSENT, PACK, faces())
    tamper(whitelist, f"UPDATE people SET {column} = ? WHERE id = ?", value, ann.id)
    for pack in (PACK, "zoo-2"):
        selection = whitelist.gallery(pack, TODAY)
        assert ann.id not in selection.gallery.people
        assert any(ann.id in str(problem) and "does not open" in str(problem) for problem in selection.left_out)
    standings = {person.id: person.standing for person in whitelist.people(TODAY)}
    assert standings == {ann.id: Standing.DAMAGED, bob.id: Standing.ENROLLED}


def test_a_record_that_poses_as_another_never_matches(whitelist: Whitelist) -> None:
    ann = whitelist.enroll("Ann", CONSENT, PACK, faces())
    bob = whitelist.enroll("Bob", CONSENT, PACK, faces(3))
    whitelist.revoke(bob.id)
    tamper(whitelist, "UPDATE people SET id = 'mallory' WHERE id = ?", ann.id)
    selection = whitelist.gallery(PACK, TODAY)
    assert selection.gallery.people == () and "mallory" in str(selection.left_out[0])


def test_a_revoked_record_cannot_be_made_valid_again(whitelist: Whitelist) -> None:
    whitelist.revoke(whitelist.enroll("Ann", CONSENT, PACK, faces()).id)
    whitelist.enroll("Bob", CONSENT, PACK, faces(3))
    tamper(whitelist, "UPDATE people SET revoked_at = NULL")
    assert len(whitelist.gallery(PACK, TODAY).gallery.people) == 1


def test_with_the_wrong_key_the_whitelist_is_unavailable_and_says_why(whitelist: Whitelist) -> None:
    ann = whitelist.enroll("Ann", CONSENT, PACK, faces())
    with pytest.raises(StoreError, match=f"no record .* opens: {ann.id}\ninstall the key"):
        Whitelist(whitelist.path, Seal(bytes(32))).gallery(PACK, TODAY)


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "header"])
def test_a_damaged_file_is_unavailable_and_names_the_remedy(whitelist: Whitelist, seal: Seal, damage: str) -> None:
    for number in range(20):
        whitelist.enroll(f"P{number}", CONSENT, PACK, faces(20))
    content = whitelist.path.read_bytes()
    damaged = {
        "garbage": b"no database at all " * 400,
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "header": content[:100] + secrets.token_bytes(3996) + content[4096:],
    }
    whitelist.path.write_bytes(damaged[damage])
    with pytest.raises(StoreError, match="restore it from a backup"):
        Whitelist(whitelist.path, seal).gallery(PACK, TODAY)


def test_a_missing_file_or_key_says_what_to_do(tmp_path: Path, seal: Seal) -> None:
    with pytest.raises(StoreError, match="enrol somebody"):
        Whitelist(tmp_path / "none.sqlite", seal).revision()
    with pytest.raises(SealError, match="edge-gate keys new whitelist --directory"):
        Seal.load(tmp_path / "whitelist.key")
    new_sealing_key(tmp_path / "whitelist.key")
    assert isinstance(Seal.load(tmp_path / "whitelist.key"), Seal)


def test_a_gate_reads_while_somebody_enrols(whitelist: Whitelist, seal: Seal) -> None:
    gate = Whitelist(whitelist.path, seal)
    whitelist.enroll("Ann", CONSENT, PACK, faces())
    with whitelist._changing():
        assert gate.revision() == 1 and len(gate.gallery(PACK, TODAY).gallery.people) == 1
    with pytest.raises(StoreError, match="cannot be used"):
        gate.enroll("Bob", CONSENT, PACK, faces())


def test_a_refreshed_template_is_matched_sealed_and_destroyed_with_the_record(whitelist: Whitelist, seal: Seal) -> None:
    lasting = structs.replace(CONSENT, retain_until=date(2099, 1, 1))
    ann, bob = (whitelist.enroll(name, lasting, PACK, faces(count)) for name, count in (("Ann", 2), ("Bob", 3)))
    bounds, later = Refreshing(0.0, 1), ann.enrolled_at.timestamp() + 5
    view = faces(2)[0] + 0.4 * faces(3)[0]
    view = np.asarray(view / np.linalg.norm(view), np.float32)
    before = whitelist.revision()
    assert whitelist.refresh({"nobody": (view, 0.6), bob.id: (view, 0.99)}, PACK, bounds, later) == []
    assert whitelist.refresh({ann.id: (view, 0.6)}, "another pack", bounds, later) == []
    assert whitelist.revision() == before
    assert whitelist.refresh({ann.id: (view, 0.6)}, PACK, bounds, later) == [ann.id]
    assert Audit(whitelist.path, seal).lines(ann.id)[-1].line.deed is Deed.REFRESHED
    found = Whitelist(whitelist.path, seal).gallery(PACK, TODAY).gallery.search(view, 0.99)
    assert found and found.person == ann.id and whitelist.revision() == before + 1
    assert view.tobytes()[:16] not in on_disk(whitelist)
    whitelist.revoke(ann.id)
    assert whitelist.refresh({ann.id: (view, 0.6)}, PACK, bounds, later + 5) == []


def test_what_is_erased_leaves_an_id_that_names_nobody(whitelist: Whitelist, seal: Seal) -> None:
    ann, bob = (whitelist.enroll(name, CONSENT, PACK, faces()).id for name in ("Ann Example", "Bob"))
    whitelist.revoke(bob)
    assert whitelist.over(CONSENT.retain_until) == []
    whitelist.erase(ann)
    audit = Audit(whitelist.path, seal)
    assert whitelist.over(CONSENT.retain_until + timedelta(days=1)) == [bob], "also who was revoked before"
    whitelist.expire(bob)
    for person in whitelist.people(TODAY):
        assert (person.standing, person.name, person.consent, person.purpose) == (Standing.ERASED, "", "", "")
    assert [said.personal for said in audit.lines()] == [{}] * 5
    assert audit.verify() == (5, None)
    assert [said.line.deed for said in audit.lines()][-2:] == [Deed.ERASED, Deed.EXPIRED]
    with pytest.raises(StoreError):
        whitelist.erase(ann)
