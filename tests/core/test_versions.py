"""Gates and desk of different versions: what is new is ignored or refused by name, and going back works."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import Raw
from sqlite_utils import Database

import edge.issue
import tests.core.lists as lists
from edge.enrolled import Consent
from edge.issue import binding
from edge.opened import Opener
from edge.outcomes import Adopt, Bury, Keep
from edge.records import (
    Content,
    Entry,
    Head,
    Index,
    Keys,
    Kind,
    Manifest,
    Mark,
    Record,
    Report,
    Tombstone,
    decode,
    encode,
)
from edge.requests import Demand, Find
from edge.roster import Roster
from edge.seal import Seal
from edge.signet import Sealer, new_opening_pair, wrap
from edge.tables import MIGRATIONS
from edge.whitelist import Whitelist
from tests.core.lists import CONTENT, GATE, PACK, SITE, Desk


class NextHead(Head, frozen=True, array_like=True):
    hologram: str = "new"


class NextContent(Content, frozen=True):
    gait: bytes = b"new"


class NextIndex(Index, frozen=True, array_like=True):
    shards: int = 2


class NextManifest(Manifest, frozen=True):
    quorum: int = 3


class NextTombstone(Tombstone, frozen=True, array_like=True):
    reason: str = "new"


class NextReport(Report, frozen=True):
    temperature: float = 41.5


class Gate:
    """A gate of this version: what it believes, what it has kept, and whom it can match."""

    def __init__(self, desk: Desk) -> None:
        pair = new_opening_pair()
        self.roster, self.people = Roster(SITE, GATE, desk.check, Mark(0, 0.0), ""), Opener(PACK, 2, pair.private)
        keys = {kid: wrap(key, pair.public, binding(SITE, GATE, kid)) for kid, key in desk.issuer._keys.items()}
        self.people.unlock(Keys(SITE, GATE, 0, keys))
        self._kept: dict[Entry, bytes] = {}
        self.follow(desk)

    def follow(self, desk: Desk) -> None:
        """Hear all that the broker shows, and do what follows from it."""
        for outcome in [each for topic, message in desk.shown.items() for each in self.roster.feed(topic, message)]:
            match outcome:
                case Keep():
                    self._kept[outcome.entry] = outcome.message
                case Bury():
                    self.people.remove(outcome.tombstone.id)
                case Adopt():
                    for person in outcome.drop:
                        self.people.remove(person)
                    for entry in outcome.put:
                        self.people.put(entry.id, self._kept[entry])

    @property
    def matched(self) -> set[str]:
        assert set(self.people.permits) == set(self.roster.running) and self.people.problems == {}
        return set(self.people.permits)


@pytest.fixture
def desk() -> Desk:
    unit = msgspec.structs.replace(CONTENT, templates=bytes.fromhex("0000803f00000000"))
    made = Desk()
    made.content = unit
    made.put("ann")
    return made


def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk is of a version that says more in every message."""
    monkeypatch.setattr(edge.issue, "Head", NextHead)
    monkeypatch.setattr(edge.issue, "Index", NextIndex)
    monkeypatch.setattr(lists, "Manifest", NextManifest)
    monkeypatch.setattr(lists, "Tombstone", NextTombstone)


def test_what_the_next_version_says_besides_is_ignored_and_the_way_back_is_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(desk)
    with monkeypatch.context() as patched:
        next_version(patched)
        desk.content = NextContent(**msgspec.structs.asdict(desk.content))
        desk.put("bob")
        desk.put("cem")
        desk.revoke("ann")
        assert b"quorum" in desk.shown[desk.topics.manifest] and b"new" in desk.shown[desk.topics.person("bob")]
        gate.follow(desk)
    assert gate.matched == {"bob", "cem"} and gate.roster.problems == {} and gate.roster.revision == 4
    desk.content = Content(**{k: getattr(desk.content, k) for k in Content.__struct_fields__})
    desk.put("dan")
    desk.revoke("bob")
    gate.follow(desk)
    assert gate.matched == {"cem", "dan"} and gate.roster.problems == {}


def test_a_list_of_another_format_is_refused_by_name_and_the_one_before_stays_in_use(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(desk)
    with monkeypatch.context() as patched:
        patched.setattr(lists, "Manifest", lambda *fields: Manifest(*fields, format=2))
        desk.put("bob")
    gate.follow(desk)
    assert gate.matched == {"ann"} and gate.roster.revision == 1
    said = gate.roster.problems["manifest"]
    assert "format 2" in said and "update the gate" in said
    desk.revoke("ann")  # by a desk that was taken back to this version
    gate.follow(desk)
    assert gate.matched == {"bob"} and gate.roster.problems == {}


def test_a_tombstone_acts_also_under_a_list_that_this_gate_cannot_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(desk)
    monkeypatch.setattr(lists, "Manifest", lambda *fields: Manifest(*fields, format=2))
    monkeypatch.setattr(lists, "Tombstone", NextTombstone)
    desk.revoke("ann")
    gate.follow(desk)
    assert gate.matched == set() and gate.roster.graves == {"ann": 2}


def test_a_message_of_a_new_kind_is_refused_under_the_persons_id(desk: Desk) -> None:
    gate = Roster(SITE, GATE, desk.check, Mark(0, 0.0), "")
    message = desk.issuer._stamp.sign("walk", b"new")
    assert gate.feed(desk.topics.person("ann"), message) == [] and "walk" in gate.problems["ann"]
    assert gate.feed(f"{desk.topics.desk}/walks/00/ann", message) == [], "a topic of another version is nobody's"


def test_the_version_before_said_less_and_is_understood(desk: Desk) -> None:
    """What was added since the first version has a value when it is not said."""
    first = ("dimension", "templates", "consent", "purpose", "retain_until")
    old = {name: getattr(CONTENT, name) for name in first}
    content = decode(encode(old), Content)
    assert (content.levels, content.pin, content.with_pass, content.card) == ((), "", False, "")
    said = {"site": SITE, "revision": 3, "issued": 1.0, "expires": 2.0, "people": 0, "pages": [b""] * 64}
    assert decode(encode(said), Manifest) == Manifest(SITE, 3, 1.0, 2.0, 0, [b""] * 64)
    assert decode(encode(["ann", 3, 1.0]), Tombstone) == Tombstone("ann", 3, 1.0)
    report = {"site": SITE, "gate": GATE, "revision": 3, "issued": 1.0, "people": 0, "at": 2.0}
    assert (decode(encode(report), Report).gone, decode(encode(report), Report).trusts) == ({}, ())
    assert decode(encode({"operator": "li", "ask": Find("")}), Demand).trusts == ()


def test_the_report_of_a_newer_gate_is_read(desk: Desk) -> None:
    report = NextReport(SITE, GATE, 7, 1.0, 4, 2.0, gone={"ann": 7})
    assert decode(encode(report), Report) == Report(SITE, GATE, 7, 1.0, 4, 2.0, gone={"ann": 7})


def test_the_clear_part_of_a_newer_record_is_sealed_as_it_came(desk: Desk) -> None:
    """A gate authenticates the bytes of the head, also those that it does not understand."""
    head = encode(NextHead("ann", 1, "k1", PACK))
    sealer = Sealer(desk.issuer._keys)
    record = encode(Record(Raw(head), sealer.close("k1", encode(desk.content), head)))
    people = Gate(desk).people
    people.put("ann", desk.issuer._stamp.sign(Kind.RECORD, record))
    assert set(people.permits) == {"ann"}
    other = encode(Record(Raw(encode(NextHead("ann", 1, "k1", PACK, "changed"))), decode(record, Record).sealed))
    people.put("ann", desk.issuer._stamp.sign(Kind.RECORD, other))
    assert people.permits == {} and "changed" in str(people.problems["ann"])


def test_a_database_of_the_first_version_is_brought_up_and_one_of_the_next_is_used(tmp_path: Path) -> None:
    path, seal = tmp_path / "whitelist.sqlite", Seal(bytes(32))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        MIGRATIONS.apply(Database(db), stop_before="keep_a_journal")
    template = np.asarray([[1.0, 0.0]], np.float32)
    consent = Consent("form 12", "entry", date(2099, 1, 1))
    ann = Whitelist(path, seal, write=True).enroll("Ann", consent, PACK, template)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:  # what an upgrade adds, and a rollback leaves
        db.execute("ALTER TABLE people ADD COLUMN hologram TEXT")
        db.execute("CREATE TABLE walks (id TEXT)")
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('whitelist', 'new', '')")
    again = Whitelist(path, seal, write=True)
    assert [person.name for person in again.people(date.today())] == ["Ann"]
    again.revoke(ann.id)
    assert again.revision() == 2
