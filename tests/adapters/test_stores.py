"""What a gate keeps of the whitelist: its mark, a store that was put back or changed, the journal, and how it ends."""

import base64
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from edge.checkup import captured, examine
from edge.enrolled import Consent
from edge.journal import Deed
from edge.models import manifest
from edge.records import page_of
from edge.signet import Checker, new_signing_pair, read_key
from edge.town import CONSENT, PACK, synthetic
from tests.adapters.brokers import until
from tests.adapters.sites import TOPICS, Place
from tests.commands import answer, complaint

pytestmark = pytest.mark.real


def test_a_gate_without_its_mark_admits_nobody_until_the_desk_has_answered(place: Place) -> None:
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("north")
    place.stop("desk")
    mark = place.town.sites["north"].config.state / "whitelist.mark"
    mark.unlink()
    place.start("north")
    until(lambda: "must answer first" in place.gates["north"].problem())
    time.sleep(1.0)
    assert place.gates["north"].count() == -1 and not mark.exists()
    place.start("desk")
    place.wait(1, "north")
    assert mark.exists()


def test_a_store_that_was_put_back_admits_nobody(place: Place) -> None:
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("north")
    store = place.town.sites["north"].config.state / "list.sqlite"
    kept = store.read_bytes()
    place.start("north")
    place.enroll("Bob")
    place.wait(2)
    place.stop("north")
    place.stop("desk")
    place.town.broker.kill()
    store.write_bytes(kept)
    for suffix in ("-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    place.start("north")
    until(lambda: "was in use before" in place.gates["north"].problem())
    place.start("broker", "desk")
    place.wait(2)


def test_a_record_changed_on_the_disk_is_named_left_out_and_fetched_again(place: Place) -> None:
    ann, face = place.enroll("Ann")
    place.enroll("Bob")
    place.start("broker", "desk", "north")
    place.wait(2)
    place.stop("north")
    store = place.town.sites["north"].config.state / "list.sqlite"
    told = answer("sync", "verify", "--store", store, "--credentials", place.town.sites["north"].secrets)
    assert told == {"revision": 2, "people": 2, "valid": True, "problems": []}
    assert face.tobytes()[:32] not in store.read_bytes(), "templates stay sealed"
    with closing(sqlite3.connect(store)) as db, db:
        [(message,)] = db.execute("SELECT message FROM records WHERE id = ?", (ann,)).fetchall()
        db.execute("UPDATE records SET message = ? WHERE id = ?", (message[:-1] + b"?", ann))
    told = answer("sync", "verify", "--store", store, "--credentials", place.town.sites["north"].secrets)
    assert (told["valid"], told["people"], [problem["id"] for problem in told["problems"]]) == (False, 1, [ann])
    place.start("north")
    place.wait(2)
    assert place.gates["north"].seen[0] == 1 and place.gates["north"].matches(ann, face)


def test_a_store_that_is_no_database_is_set_aside_and_filled_again(place: Place) -> None:
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("north")
    store = place.town.sites["north"].config.state / "list.sqlite"
    store.write_bytes(b"no database at all " * 400)
    place.start("north")
    place.wait(1)
    assert store.with_name("list.sqlite.damaged").exists()
    until(lambda: "store" in place.gates["north"].follower._lasting.problems)


def test_captured_messages_are_verified_as_a_gate_would(place: Place, tmp_path: Path) -> None:
    ann, _ = place.enroll("Ann")
    bob, _ = place.enroll("Bob")
    place.start("broker", "desk", "north")
    place.wait(2)
    office, capture = place.town.office(), tmp_path / "capture.jsonl"
    messages = [(topic, office.message(topic)) for topic in office.hashes()]
    key = place.town.root / "credentials/desk.pub"
    check = Checker([read_key(key)])

    def verify(shown: list[tuple[str, bytes]]) -> dict[str, str]:
        lines = [json.dumps({"topic": topic, "payload": base64.b64encode(m).decode()}) for topic, m in shown]
        capture.write_text("\n".join(lines) + "\n")
        return examine(capture, check).problems

    assert verify(messages) == {}
    told = answer("sync", "verify", "--store", capture, "--key", key)
    assert told == {"revision": 2, "people": 2, "valid": True, "problems": []}
    topic = TOPICS.person(ann)
    tampered: dict[str, Callable[[bytes], bytes]] = {
        "cut": lambda m: m[: len(m) // 2],
        "flipped": lambda m: m[:-1] + bytes([m[-1] ^ 1]),
        "moved": lambda m: office.message(TOPICS.person(bob)),
        "empty": lambda m: b"",
    }
    for how, change in tampered.items():
        why = verify([(t, change(m) if t == topic else m) for t, m in messages])
        assert why.keys() == {ann} and ("is missing" in why[ann]) == (how == "empty"), (how, why)
    assert "manifest" in verify([(t, m) for t, m in messages if t != TOPICS.manifest])
    assert verify([(t, m) for t, m in messages if t != topic]) == {ann: "its record is missing"}
    page = TOPICS.page(page_of(ann))
    changed = verify([(t, m[:-1] + b"?" if t == page else m) for t, m in messages])
    assert changed == {f"index/{page_of(ann):02x}": "the signature is not the desk's"}


def test_a_key_that_is_not_the_desks_is_one_problem_and_a_file_that_is_none_is_named(
    place: Place, tmp_path: Path
) -> None:
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("north")
    store, office = place.town.sites["north"].config.state / "list.sqlite", place.town.office()
    (tmp_path / "other.pub").write_bytes(new_signing_pair().public)
    capture = tmp_path / "capture.jsonl"
    capture.write_bytes(b"".join(captured(topic, office.message(topic)) for topic in office.hashes()))
    for file in (store, capture):
        told = answer("sync", "verify", "--store", file, "--key", tmp_path / "other.pub")
        assert [each["id"] for each in told["problems"]] == ["key"] and not told["valid"]
    said = complaint("sync", "verify", "--store", store, "--key", place.town.root / "desk.toml")
    assert "desk.toml is no public key of a desk" in said


def test_the_journal_of_the_desk_is_held_to_what_a_gate_has_kept_of_it(place: Place) -> None:
    ann, _ = place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("desk")
    options = ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]
    store = ["--store", place.town.sites["north"].config.state / "list.sqlite"]
    shown = answer("audit", "show", *options)["lines"]
    assert {"person.enrolled", "configuration.changed", "desk.started", "key.wrapped", "list.signed"} == {
        line["deed"] for line in shown
    }
    [line] = answer("audit", "show", "--about", ann, *options)["lines"]
    assert (line["personal"]["name"], line["details"]["purpose"]) == ("Ann", CONSENT.purpose)
    told = answer("audit", "verify", *store, *options)
    assert told == {"lines": len(shown), "valid": True, "anchored": len(shown), "first_break": None, "problems": []}
    with closing(sqlite3.connect(place.town.people().path)) as db, db:
        db.execute("DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)")
    (place.town.root / "state/desk.sqlite").unlink()
    assert answer("audit", "verify", *options)["valid"], "the desk alone can be made to forget"
    told = answer("audit", "verify", *store, *options)
    assert (told["valid"], told["first_break"]["sequence"]) == (False, len(shown))


def test_a_gate_that_follows_a_desk_is_calibrated_on_the_list_that_it_runs(place: Place) -> None:
    place.start("broker", "desk", "north")
    for name in ("Ann", "Bob", "Cem"):
        place.enroll(name)
    place.wait(3, "north")
    site, running = place.town.sites["north"], place.gates["north"].now()
    assert running
    told = answer("calibrate", "--config", site.file, "--credentials", site.secrets)
    assert (told["people"], told["revision"]) == (3, running.fact.revision)
    assert told["threshold"] == pytest.approx(running.fact.threshold)
    (site.config.state / "list.sqlite").rename(site.config.state / "elsewhere.sqlite")
    assert "cannot be used" in complaint("calibrate", "--config", site.file, "--credentials", site.secrets)


def test_whose_last_day_is_over_is_erased_everywhere_by_itself(place: Place) -> None:
    people = place.town.people()
    over = Consent("form 1", "a visit", date.today() + timedelta(days=1))
    faces = [synthetic(place.rng, manifest(PACK).dimension) for _ in range(2)]
    [gone, stays] = [
        people.enroll(name, grounds, manifest(PACK).id, face).id
        for name, grounds, face in zip(("Ann", "Bob"), (over, CONSENT), faces, strict=True)
    ]
    place.start("broker", "desk", "north")
    place.wait(2)
    place.stop("desk")
    (place.town.root / "state/last-day").write_text(str(date.today() + timedelta(days=2)))  # by a trusted clock
    place.start("desk")
    place.wait(1)
    assert place.gates["north"].matches(stays, faces[1][0]) and not place.gates["north"].matches(gone, faces[0][0])
    until(lambda: place.town.office().receipts(gone, people.revision()))
    [line] = [each for each in place.audit().lines(gone) if each.line.deed is Deed.EXPIRED]
    assert line.line.actor and place.audit().lines(gone)[0].personal == {}
