"""One whitelist for several gates: the real desk, mosquitto with TLS and its access list, the gates' real following."""

import base64
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from bench.town import CONSENT, PACK, SITE, Town, synthetic
from edge.audit import Audit
from edge.checkup import examine
from edge.desk import Desk
from edge.enrolled import Consent
from edge.follow import Follower
from edge.journal import Deed
from edge.lone import Loaded
from edge.models import manifest
from edge.mqtt import Address, Connection, Message
from edge.records import Content, Topics, decode
from edge.signet import GATE_OPENS, Checker, Sealer, read_key, unwrap
from edge.simulate import HOST
from tests.adapters.brokers import until
from tests.commands import answer, complaint
from tests.conftest import ROOT, need

pytestmark = pytest.mark.real
TOPICS = Topics(SITE)


class Gate:
    """A gate's end of the list, and what it would search now."""

    def __init__(self, town: Town, name: str) -> None:
        site = town.sites[name]
        self.queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.follower = Follower(site.config, site.credentials, manifest(PACK), self.queue.put)
        self.loaded: Loaded | None = None
        self.seen: list[int] = []
        self.follower.start()

    def now(self) -> Loaded | None:
        while not self.queue.empty():
            item = self.queue.get()
            assert isinstance(item, Loaded), item
            self.loaded = item
            self.seen.append(item.fact.people)
        return self.loaded

    def matches(self, person: str, probe: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> bool:
        loaded = self.now()
        found = loaded.gallery.search(probe, 0.5) if loaded and loaded.gallery else None
        return found is not None and found.person == person

    def count(self) -> int:
        loaded = self.now()
        return loaded.fact.people if loaded and not loaded.fact.problem else -1

    def problem(self) -> str:
        loaded = self.now()
        return loaded.fact.problem if loaded else ""

    def close(self) -> None:
        self.follower.stop()
        self.follower.join(10)
        self.follower._vault.close()


class Place:
    """A town whose desk and gates run in this process."""

    def __init__(self, root: Path) -> None:
        self.town = Town(root, ROOT / "var/models", ["north", "south"])
        self.gates: dict[str, Gate] = {}
        self.desk: Desk | None = None
        self.rng = np.random.default_rng(5)

    def start(self, *names: str) -> None:
        for name in names:
            if name == "desk":
                self.desk = Desk(self.town.config, self.town.credentials)
                self.thread = threading.Thread(target=self.desk.run, daemon=True)
                self.thread.start()
            elif name == "broker":
                self.town.broker.start()
            else:
                self.gates[name] = Gate(self.town, name)

    def stop(self, name: str) -> None:
        if name == "desk" and self.desk:
            self.desk.stop()
            self.thread.join(10)
            self.desk = None
        elif name in self.gates:
            self.gates.pop(name).close()

    def enroll(self, name: str) -> "tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]":
        templates = synthetic(self.rng, manifest(PACK).dimension)
        return self.town.people().enroll(name, CONSENT, manifest(PACK).id, templates).id, templates[0]

    def wait(self, count: int, *names: str) -> None:
        until(lambda: all(self.gates[name].count() == count for name in names or self.gates))

    def audit(self) -> Audit:
        return Audit.of(self.town.config, self.town.credentials)

    def problems(self, gate: str) -> dict[str, str]:
        contact = self.town.office().contacts().get(gate)
        return contact.problems if contact else {}

    def close(self) -> None:
        for name in ["desk", *self.gates]:
            self.stop(name)
        self.town.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    need((ROOT / "models/zoo.toml").exists(), "the zoo pack's manifest")
    with closing(Place(tmp_path / "t")) as made:
        yield made


def member(town: Town, who: str) -> Connection:
    """Somebody with the certificate of the desk, or of a gate."""
    if who == "desk":
        folder, crt = town.root / "desk", "desk.crt"
    else:
        folder, crt = town.sites[who].secrets, "gate.crt"
    return Connection(
        Address(HOST, town.broker.port, "", "", str(folder / "ca.crt"), str(folder / crt), folder / "broker.key")
    )


def say(connection: Connection, topic: str, payload: bytes) -> None:
    connection.publish(Message(topic, payload, retain=True))
    deadline = time.monotonic() + 10
    while connection.unconfirmed and time.monotonic() < deadline:
        connection.turn(0.05)


def test_everybody_agrees_and_who_is_revoked_is_out_with_a_receipt(place: Place) -> None:
    place.start("broker", "desk", "north", "south")
    ann, face = place.enroll("Ann")
    place.enroll("Bob")
    place.wait(2)
    assert all(gate.matches(ann, face) for gate in place.gates.values())
    place.stop("south")
    options = ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]
    told = answer("revoke", ann, "--wait", "3", *options)
    assert (
        told["pending"] == ["south"]
        and list(told["confirmed_ms"]) == ["north"]
        and told["confirmed_ms"]["north"] < 3000
    )
    assert not place.gates["north"].matches(ann, face)
    place.start("south")
    until(lambda: len(place.town.office().receipts(ann, told["revision"])) == 2)
    answer("people", "restore", ann, *options)
    until(lambda: all(gate.matches(ann, face) for gate in place.gates.values()))
    place.stop("south")
    told = answer("people", "erase", ann, "--wait", "3", *options)
    assert (told["standing"], told["pending"], list(told["confirmed_ms"])) == ("erased", ["south"], ["north"])
    assert not place.gates["north"].matches(ann, face)
    assert answer("people", "show", ann, *options)["pending"] == ["south"]
    place.start("south")
    until(lambda: answer("people", "show", ann, *options)["pending"] == [])
    assert not place.gates["south"].matches(ann, face)
    assert not place.gates["south"].matches(ann, face)
    status = answer("sync", "status", *options)
    assert [(line["gate"], line["behind"], line["problems"]) for line in status["gates"]] == [
        ("north", 0, {}),
        ("south", 0, {}),
    ]
    assert [gate["name"] for gate in answer("gates", "list", *options)["gates"]] == ["north", "south"]


def test_a_broker_that_lost_its_memory_is_told_everything_again(place: Place) -> None:
    for number in range(5):
        place.enroll(f"person {number}")
    place.start("broker", "desk", "north")
    place.wait(5)
    place.town.broker.kill()
    (place.town.root / "broker/mosquitto.db").unlink(missing_ok=True)
    late, face = place.enroll("late")
    place.start("broker", "south")
    place.wait(6)
    assert place.gates["south"].matches(late, face)
    assert min(place.gates["north"].seen[place.gates["north"].seen.index(5) :]) == 5, "nobody was lost on the way"


def test_what_a_hostile_broker_shows_is_reported_by_id_and_repaired(place: Place) -> None:
    ann, face = place.enroll("Ann")
    bob, _ = place.enroll("Bob")
    place.start("broker", "desk", "north")
    place.wait(2)
    place.stop("desk")
    old = place.town.office().message(TOPICS.manifest)
    place.start("desk")
    place.enroll("Cem")
    place.wait(3)
    place.stop("desk")
    with closing(member(place.town, "desk")) as hostile:
        forged = bytearray(place.town.office().message(TOPICS.person(ann)))
        forged[-9] ^= 1
        say(hostile, TOPICS.person(ann), bytes(forged))
        say(hostile, TOPICS.person(bob), place.town.office().message(TOPICS.person(ann)))
        say(hostile, TOPICS.manifest, old)
    gate = place.gates["north"]
    until(lambda: {ann, bob, "manifest"} <= gate.follower._roster.problems.keys())
    assert gate.matches(ann, face) and gate.count() == 3
    time.sleep(2.2)  # a problem is reported once it has lasted
    place.start("desk")
    until(lambda: not gate.follower._roster.problems)
    until(lambda: place.problems("north") == {})
    assert gate.matches(ann, face) and gate.count() == 3


def test_a_gate_may_not_speak_for_the_desk_nor_hear_what_is_for_another(place: Place) -> None:
    place.start("broker", "desk")
    ann, _ = place.enroll("Ann")
    with closing(member(place.town, "north")) as thief, closing(member(place.town, "desk")) as desk:
        say(thief, TOPICS.person(ann), b"")
        say(thief, TOPICS.keys("south"), b"x")
        say(thief, TOPICS.report("south"), b"x")
        thief.subscribe([TOPICS.keys("south"), TOPICS.report("south"), TOPICS.keys("north"), TOPICS.manifest])
        desk.subscribe([f"{TOPICS.desk}/#"])
        heard: set[str] = set()
        until(
            lambda: heard.update(m.topic for m in thief.turn(0.05)) or {TOPICS.keys("north"), TOPICS.manifest} <= heard
        )
        assert heard == {TOPICS.keys("north"), TOPICS.manifest}
        shown: dict[str, bytes] = {}
        until(lambda: shown.update({m.topic: m.payload for m in desk.turn(0.05)}) or TOPICS.person(ann) in shown)
        assert len(shown[TOPICS.person(ann)]) > 1000 and shown.get(TOPICS.keys("south")) != b"x"


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
    until(lambda: "store" in place.gates["north"].follower._reported_problems)


def test_a_stolen_gate_opens_nothing_that_comes_after(place: Place) -> None:
    ann, face = place.enroll("Ann")
    place.start("broker", "desk", "north", "south")
    place.wait(1)
    place.stop("south")
    keys_before = place.town.office().message(TOPICS.keys("south"))
    options = ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]
    answer("gates", "revoke", "south", *options)
    bob, _ = place.enroll("Bob")
    place.wait(2, "north")
    until(lambda: TOPICS.keys("south") not in place.town.office().hashes())
    private = read_key(place.town.sites["south"].secrets / GATE_OPENS)
    for person in (ann, bob):
        until(lambda person=person: not opens(place.town, person, keys_before, private))  # type: ignore[misc]
    assert place.gates["north"].matches(ann, face)


def opens(town: Town, person: str, keys: bytes, private: bytes) -> bool:
    """Whether the thief of a gate can open a person's record as it is now."""
    from edge.issue import binding
    from edge.records import Head, Keys, Record, parse

    wrapped = decode(parse(keys).payload, Keys).wrapped
    sealer = Sealer({kid: unwrap(key, private, binding(SITE, "south", kid)) for kid, key in wrapped.items()})
    record = decode(parse(town.office().message(TOPICS.person(person))).payload, Record)
    head = decode(bytes(record.head), Head)
    return head.key in sealer and bool(decode(sealer.open(head.key, record.sealed, bytes(record.head)), Content))


def test_a_list_that_is_not_renewed_is_not_used(place: Place) -> None:
    desk = place.town.root / "desk.toml"
    desk.write_text(desk.read_text().replace('state_dir = "', 'renew_every_s = 1.0\nvalid_s = 2.5\nstate_dir = "'))
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    time.sleep(3.0)
    assert place.gates["north"].count() == 1, "renewed all the while"
    place.stop("desk")
    until(lambda: "not renewed" in place.gates["north"].problem())


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
        assert ann in verify([(t, change(m) if t == topic else m) for t, m in messages]), how
    assert "manifest" in verify([(t, m) for t, m in messages if t != TOPICS.manifest])
    assert ann in verify([(t, m) for t, m in messages if t != topic])


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
    assert told == {"lines": len(shown), "valid": True, "anchored": len(shown), "first_break": None}
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
