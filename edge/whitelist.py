"""The whitelist of a desk or of a gate that stands alone: who is enrolled, and every deed that changes it."""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from edge import journal
from edge.cabinet import Cabinet
from edge.complaints import (
    OvertakenError,
    beyond_kept,
    damaged,
    empty,
    none_opens,
    nothing_said,
    number_taken,
    other_pack,
    taken,
    unfit,
)
from edge.config import Config, Credentials, DeskConfig
from edge.enrolled import (
    UNBOUNDED,
    Applicant,
    Bounds,
    Consent,
    Edit,
    Person,
    Refreshing,
    Row,
    Secret,
    Selection,
    Standing,
    erased,
    permit_of,
    person_of,
    record_of,
    recovered,
    refreshed,
    standing_of,
    vectors,
)
from edge.journal import Deed
from edge.matcher import Gallery, Vector
from edge.records import Content, Head, Tombstone
from edge.seal import Seal
from edge.tables import FIELDS
from edge.terms import Permit

KEY = "whitelist.key"
"""The credential with the sealing key."""
FILE = "whitelist.sqlite"
BLANK = Secret("", 0, b"")
NO_TEMPLATE = np.zeros((0, 0), np.float32)


class Whitelist(Cabinet):
    """The people of the file at `path`, and what can be done about them; days are those of `zone`."""

    def __init__(self, path: Path, seal: Seal, write: bool = False, zone: tzinfo = UTC) -> None:
        super().__init__(path, seal, write)
        self._zone = zone

    @classmethod
    def of(cls, config: Config | DeskConfig, credentials: Credentials, write: bool = False) -> "Whitelist":
        """The whitelist of a lone gate or of a desk; SealError without its key."""
        return cls(config.state / FILE, Seal.load(credentials.path(KEY)), write, config.calendar.zone)

    def revision(self) -> int:
        """Grows with every change; cheap enough to ask for every second."""
        with self._opened() as db:
            return self._revision(db)

    def gallery(self, pack: str, today: date) -> Selection:
        """The usable templates of `pack`; StoreError when the file is damaged or no record of it opens."""
        with self._opened() as db:
            revision, found = self._revision(db), self._read(db)
        if found and not any(secret for _, secret in found):
            raise none_opens(self.path, [record.id for record, _ in found])
        rows: list[Vector] = []
        owners: list[str] = []
        left_out, days = [], []
        permits: dict[str, Permit] = {}
        for record, secret in found:
            if standing_of(record, today) is not Standing.ENROLLED:
                continue
            if secret is None or (record.pack != pack and secret.templates):
                left_out.append(other_pack(record, pack) if secret else damaged(record.id))
                continue
            if secret.templates:
                rows.append(vectors(secret))
                owners += [record.id] * len(rows[-1])
            days.append(record.retain_until)
            permits[record.id] = permit_of(record.id, secret)
        matrix = np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)
        return Selection(Gallery(matrix, tuple(owners), revision), tuple(left_out), min(days, default=None), permits)

    def people(self, today: date) -> list[Person]:
        """Everybody who has a record, as it stands today, in the order of enrolment."""
        with self._opened() as db:
            return [person_of(record, secret, today) for record, secret in self._read(db)]

    def person(self, person: str, today: date) -> Person:
        """One person's record; StoreError, with the nearest, when there is none."""
        with self._opened() as db:
            return person_of(*self._find(db, person, lambda _: True), today)

    def enroll(self, name: str, consent: Consent, pack: str, templates: Vector, bounds: Bounds = UNBOUNDED) -> Person:
        """Record a person with templates (n, D) of `pack`, unit rows."""
        return self.admit(Applicant(name, consent, bounds=bounds), pack, templates)

    def admit(self, applicant: Applicant, pack: str, templates: Vector, expected: int | None = None) -> Person:
        """Record an applicant; OvertakenError when the list is no longer at the revision `expected`."""
        with self._changing() as (db, revision):
            if expected is not None and revision != expected + 1:
                raise OvertakenError
            record, secret = self._enrolled(db, revision, applicant, pack, templates)
        return person_of(record, secret, record.retain_until)

    def admit_faceless(self, applicant: Applicant, pack: str) -> Person:
        """Record somebody who declines face recognition: grounds and bounds, and no template."""
        with self._changing() as (db, revision):
            for other, known in self._read(db) if applicant.number else ():
                if known and known.number == applicant.number:
                    raise number_taken(known.number, other.id, known.name)
            record, secret = self._enrolled(db, revision, applicant, pack, NO_TEMPLATE)
        return person_of(record, secret, record.retain_until)

    def enroll_all(self, people: Iterable[tuple[str, Vector]], consent: Consent, pack: str) -> int:
        """Record many people, all of them or nobody; how many there were."""
        count = 0
        with self._changing() as (db, revision):
            for name, templates in people:
                self._enrolled(db, revision, Applicant(name, consent), pack, templates)
                count += 1
        return count

    def _enrolled(
        self, db: sqlite3.Connection, revision: int, applicant: Applicant, pack: str, templates: Vector
    ) -> tuple[Row, Secret]:
        record, secret = record_of(applicant, revision, pack, templates)
        self._store(db, record, secret)
        self._note(db, Deed.ENROLLED, record, secret)
        return record, secret

    def changes(self, after: int) -> tuple[int, list[tuple[Row, Secret | None]]]:
        """The revision now, and every record that changed since revision `after`, with what is sealed in it."""
        with self._opened() as db:
            db.execute("BEGIN")
            return self._revision(db), self._rows(db, f"SELECT {FIELDS}, sealed FROM people WHERE revision > ?", after)

    def renumber(self, at_least: int = 0) -> int:
        """Have everybody who is enrolled count as changed; the revision, which is no lower than `at_least`."""
        with self._changing() as (db, revision):
            revision = max(revision, at_least)
            db.execute("UPDATE head SET revision = ?", (revision,))
            enrolled = [(record, secret) for record, secret in self._read(db) if secret and not record.revoked_at]
            for record, secret in enrolled:
                self._store(db, msgspec.structs.replace(record, revision=revision), secret)
            told = {"people": str(len(enrolled)), "revision": str(revision)}
            journal.write(db, self._seal, Deed.RESEALED, "people", told)
        return revision

    def recover(
        self, gone: dict[str, Tombstone], back: Iterable[tuple[Head, Content]], least: int, told: dict[str, str]
    ) -> None:
        """Take over what a list of later days says: who has gone since, and what records were then.

        The revision is `least`, which is beyond all that gates may have seen.
        """
        with self._changing() as (db, revision):
            revision = max(revision, least)
            db.execute("UPDATE head SET revision = ?", (revision,))
            before = {row.id: (row, secret) for row, secret in self._read(db)}
            for person, tombstone in gone.items():
                self._bury(db, *before[person], revision, tombstone)
            for head, content in back:
                row, secret = recovered(head, content, revision, *before.get(head.id, (None, None)))
                self._store(db, row, secret)
                self._note(db, Deed.CHANGED if head.id in before else Deed.ENROLLED, row, secret)
            journal.write(db, self._seal, Deed.RECOVERED, "list", told)
        self._scrub()

    def _bury(
        self, db: sqlite3.Connection, row: Row, secret: Secret | None, revision: int, tombstone: Tombstone
    ) -> None:
        gone = msgspec.structs.replace(row, revision=revision, revoked_at=datetime.fromtimestamp(tombstone.at, UTC))
        if tombstone.erased:
            gone, secret = msgspec.structs.replace(gone, consent="", purpose=""), BLANK
            self._forget(db, row.id)
        self._store(db, gone, secret or BLANK)
        self._note(db, Deed.ERASED if tombstone.erased else Deed.REVOKED, gone, secret or BLANK)

    def refresh(
        self, templates: dict[str, tuple[Vector, float]], pack: str, bounds: Refreshing, now: float
    ) -> list[str]:
        """Give people one more template (D,) each, with the score that it must reach with one of their enrolment;
        who got it. The bounds are judged here, where they outlast a restart.
        """
        today, taken = datetime.fromtimestamp(now, self._zone).date(), list[str]()
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            revision = self._revision(db) + 1
            for person, (template, sure) in templates.items():
                for record, secret in self._rows(db, f"SELECT {FIELDS}, sealed FROM people WHERE id = ?", person):
                    if secret is None or record.pack != pack or standing_of(record, today) is not Standing.ENROLLED:
                        continue
                    if more := refreshed(record, secret, template, sure, bounds, now):
                        record = msgspec.structs.replace(record, revision=revision)
                        self._store(db, record, more)
                        self._note(db, Deed.REFRESHED, record, more)
                        taken.append(person)
            db.execute("UPDATE head SET revision = ?", (revision if taken else revision - 1,))
            db.execute("COMMIT")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # no copy of a template that was replaced stays in the log
        return taken

    def revoke(self, person: str) -> Person:
        """Withdraw a person's access. The record stays sealed here, for `restore`, until it is erased or over."""
        return self._restate(person, Deed.REVOKED, lambda record: not record.revoked_at, datetime.now(UTC))

    def restore(self, person: str, today: date, expected: int | None = None) -> Person:
        """Give a revoked person access again; StoreError when nothing is left of them, or their last day is over.

        OvertakenError, here and with `erase`, when the record has another revision than `expected`.
        """

        def restorable(record: Row) -> bool:
            return standing_of(record, today) is Standing.REVOKED and record.retain_until >= today

        return self._restate(person, Deed.RESTORED, restorable, None, expected)

    def _restate(
        self,
        person: str,
        deed: Deed,
        wanted: Callable[[Row], bool],
        revoked_at: datetime | None,
        expected: int | None = None,
    ) -> Person:
        with self._changing() as (db, revision):
            before, secret = self._find(db, person, wanted, expected, partial(unfit, deed))
            record, kept = msgspec.structs.replace(before, revision=revision, revoked_at=revoked_at), secret or BLANK
            if revoked_at is None and not kept.name:
                raise empty(person)
            self._store(db, record, kept)
            self._note(db, deed, record, kept)
        return person_of(record, kept, record.retain_until)

    def edit(self, person: str, edit: Edit, expected: int | None = None) -> Person:
        """Change what is known of somebody who is not revoked; OvertakenError when the record has another revision
        than `expected`, RefusedError when nothing is named, the number is somebody else's, or the validity outlasts
        the record.
        """
        if edit == Edit():
            raise nothing_said(person)
        with self._changing() as (db, revision):
            before, secret = self._find(db, person, lambda record: not record.revoked_at, expected)
            if secret is None:
                raise damaged(person)
            record, kept = edit.of(msgspec.structs.replace(before, revision=revision), secret)
            stays = secret.bounds if record.retain_until == before.retain_until else Bounds()
            if refused := beyond_kept(kept.bounds, record.retain_until, self._zone, before=stays):
                raise refused
            for other, known in self._read(db) if edit.number or edit.card else ():
                if known and other.id != person and (refused := taken(edit, other, known)):
                    raise refused
            self._store(db, record, kept)
            self._note(db, Deed.CHANGED, record, kept)
        return person_of(record, kept, record.retain_until)

    def erase(self, person: str, expected: int | None = None) -> Person:
        """Destroy all that is known of a person, here and in the journal; what stays is an id that names nobody."""
        return self._erase(person, Deed.ERASED, expected)

    def over(self, today: date) -> list[str]:
        """The ids of everybody whose last day is over, also of those who were revoked before."""
        with self._opened() as db:
            query = f"SELECT {FIELDS}, sealed FROM people WHERE retain_until < ? AND consent != ''"
            return [record.id for record, _secret in self._rows(db, query, today.isoformat())]

    def expire(self, person: str) -> Person:
        """Erase somebody whose last day is over."""
        return self._erase(person, Deed.EXPIRED)

    def _erase(self, person: str, deed: Deed, expected: int | None = None) -> Person:
        with self._changing() as (db, revision):
            before, _secret = self._find(db, person, lambda record: not erased(record), expected)
            gone = {"revision": revision, "revoked_at": datetime.now(UTC), "consent": "", "purpose": ""}
            record, rest = msgspec.structs.replace(before, **gone), BLANK
            self._store(db, record, rest)
            self._forget(db, person)
            self._note(db, deed, record, rest)
        self._scrub()
        return person_of(record, rest, record.retain_until)
