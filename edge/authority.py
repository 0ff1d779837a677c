"""What the desk issues: from people of the whitelist to numbered, sealed and signed messages, durable before use."""

import logging
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from edge import __version__
from edge.answers import Answers
from edge.audit import Anchor, Audit
from edge.clock import Calendar
from edge.config import Credentials, DeskConfig
from edge.enrolled import Row, Secret, erased
from edge.errors import EdgeError, SealError, StoreError
from edge.issue import Issuer, paged
from edge.journal import Deed
from edge.office import Gate, Office
from edge.records import PAGES, Answer, Content, Entry, Manifest, Report, Tombstone, Topics, decode, digest, page_of
from edge.retention import carry_out
from edge.seal import Seal
from edge.signet import DESK_KEY, DESK_PUBLIC, Checker, Stamp, fingerprint, public_of, read_key
from edge.vault import Vault
from edge.whitelist import KEY, Whitelist

OFFICE = "desk.sqlite"

log = logging.getLogger(__name__)


class Authority:
    """Numbers and signs; one process of a site does."""

    def __init__(self, config: DeskConfig, credentials: Credentials) -> None:
        self._config = config
        self.topics = Topics(config.desk.site)
        self.office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
        self._people = Whitelist.of(config, credentials, write=True)
        self.audit, self._credentials = Audit.of(config, credentials), credentials
        self._answers = Answers(self._note_answers)
        self._calendar, self._retained = Calendar.of(config), date.min
        key = read_key(credentials.path(DESK_KEY))
        self.check = Checker([public_of(key)])
        self._stamp, self._signer = Stamp(key), fingerprint(public_of(key))
        self._begin()
        self.reread()

    def reread(self) -> None:
        """Take what was issued from the disk; after a failure memory may be ahead of it."""
        self._entries = self.office.entries()
        hashes = self.office.hashes()
        self._pages = [hashes.get(self.topics.page(number), b"") for number in range(PAGES)]
        self._folk = paged(self._entries.values())
        self._issuer = self._renewed()
        self._anew = self._signed_by_another()
        if self._anew:
            self._people.renumber()
            self._pages = [b""] * PAGES

    def _signed_by_another(self) -> bool:
        """Whether the signing key was rotated since the last issue: then everything is signed anew."""
        try:
            if message := self.office.message(self.topics.manifest):
                self.check(message)
            return False
        except SealError:
            return True

    def _renewed(self) -> Issuer:
        keys = self.office.content_keys()
        return Issuer(self._config.desk.site, self._stamp, keys, list(keys)[-1])

    def _begin(self) -> None:
        """Record the start, and the configuration where it is another than at the start before."""
        text = msgspec.json.encode(self._config).decode()
        before = self.audit.last(Deed.CONFIGURED)
        if before is None or before.data.details["configuration"] != text:
            self.audit.note(Deed.CONFIGURED, "desk", configuration=text)
        self.audit.note(Deed.STARTED, "desk", version=__version__, signing_key=self._signer)

    def changed(self) -> bool:
        """Whether somebody was enrolled, changed or revoked since the last issue."""
        return self._people.revision() != self.office.head()[0]

    def due(self, now: float) -> bool:
        """Whether the list must be signed anew."""
        return now - self.office.head()[1] >= self._config.desk.renew_every_s

    def knows(self, manifest: Manifest) -> bool:
        """Whether this desk's journal goes on from the one that it had when it signed this, or has left it behind."""
        if not manifest.anchor or self.audit.holds(Anchor.parse(manifest.anchor)):
            return True
        recovered = self.audit.last(Deed.RECOVERED)
        return recovered is not None and manifest.revision < int(recovered.data.details["numbered"])

    def tidy(self) -> None:
        """Once a day: erase whose last day is over, and what of the journal need be kept no longer."""
        self._answers.tell(time.monotonic())
        today = self._calendar.today()
        if today != self._retained:
            carry_out(self._config, self._credentials, today)
            self._retained = today

    def issue(self) -> list[str]:
        """Issue what has changed, or the manifest alone; the topics, tombstones first and the manifest last."""
        issued, _ = self.office.head()
        revision, changes = self._people.changes(0 if self._anew else issued)
        self._anew = False
        messages: dict[str, bytes] = {}
        entries, gone = [], []
        for row, secret in changes:
            topic = self.topics.person(row.id)
            if row.revoked_at or secret is None:
                at = row.revoked_at.timestamp() if row.revoked_at else time.time()
                messages[topic] = self._issuer.tombstone(Tombstone(row.id, row.revision, at, erased(row)))
                gone.append((row.id, row.revision, at))
            else:
                messages[topic] = self._record(row, secret)
                entries.append(Entry(row.id, row.revision, digest(messages[topic])))
        touched = self._place(entries, {person for person, _, _ in gone})
        for number in range(PAGES):
            if number in touched or not self._pages[number]:
                page = messages[self.topics.page(number)] = self._issuer.page(number, revision, self._folk[number])
                self._pages[number] = digest(page)
        counts = {"people": len(self._entries), "changed": len(entries), "gone": len(gone)}
        signs = {"signing_key": self._signer, "content_key": self._issuer.key}
        self.audit.note(Deed.SIGNED, "list", revision=revision, **counts, **signs)
        manifest = self._manifest(revision)
        messages[self.topics.manifest] = self._issuer.manifest(manifest)
        self.office.issue(messages, entries, gone, manifest)
        first = [self.topics.person(person) for person, _, _ in gone]
        return [*first, *(topic for topic in messages if topic not in set(first))]

    def _place(self, entries: list[Entry], gone: set[str]) -> set[int]:
        """Put everybody on their page; the pages that changed."""
        for person in gone:
            self._entries.pop(person, None)
        self._entries |= {entry.id: entry for entry in entries}
        moved = {*gone, *(entry.id for entry in entries)}
        touched = {page_of(person) for person in moved}
        for number in touched:
            self._folk[number] = [entry for entry in self._folk[number] if entry.id not in moved]
        for entry in entries:
            self._folk[page_of(entry.id)].append(entry)
        return touched

    def _record(self, row: Row, secret: Secret) -> bytes:
        bounds = secret.bounds
        content = Content(
            secret.dimension, secret.templates, row.consent, row.purpose, row.retain_until,
            bounds.levels, bounds.valid_from, bounds.valid_until, secret.pin, secret.duress, host=bounds.host,
            with_pass=bounds.with_pass, card=secret.card,
        )  # fmt: skip
        return self._issuer.record(row.id, row.revision, row.pack, content)

    def _manifest(self, revision: int) -> Manifest:
        issued = max(time.time(), self.office.head()[1] + 0.001)  # also when the clock was set back
        expires = issued + self._config.desk.valid_s
        anchor = str(self.audit.anchor())
        return Manifest(self.topics.site, revision, issued, expires, len(self._entries), list(self._pages), anchor)

    def keys(self, gate: Gate) -> str:
        """Have this gate's content keys issued, or withdrawn when it was revoked; the topic."""
        topic, (revision, _) = self.topics.keys(gate.name), self.office.head()
        if not gate.revoked_at:
            self.audit.note(Deed.WRAPPED, gate.name, keys=", ".join(self.office.content_keys()))
        message = b"" if gate.revoked_at else self._issuer.keys(gate.name, gate.opens, revision)
        self.office.put(topic, message)
        return topic

    def rotated(self) -> bool:
        """Whether there is a content key that not everybody is sealed with: `gates revoke`, `keys rotate`."""
        return self.office.key_is_due()

    def reseal(self) -> None:
        """Seal everybody with the newest content key. Until it is done, also after a kill, it is due."""
        self.office.forget_content_keys()
        self._issuer = self._renewed()
        key = self._issuer.key
        if not self.audit.told(Deed.KEY_MADE, key):  # made in the transaction that shut a gate out
            self.audit.note(Deed.KEY_MADE, key, purpose="content")
        self._people.renumber()
        self.office.key_in_use(key)

    def answer(self, report: Report) -> bytes:
        """To a gate that lost its mark."""
        revision, issued = self.office.head()
        self._answers.note(report.gate, revision, time.monotonic())
        return self._issuer.answer(Answer(self.topics.site, report.gate, report.nonce, revision, issued))

    def _note_answers(self, gate: str, revision: int, times: int) -> None:
        self.audit.note(Deed.ANSWERED, gate, revision=revision, times=times)

    def close(self) -> None:
        """Give the database back, and write down what was only counted so far, if that is possible."""
        self.office.close()
        try:
            self._answers.tell(time.monotonic(), everything=True)
        except EdgeError as error:  # why the desk ends is told, not this
            log.error("%s", error)


def anchors(
    config: DeskConfig, credentials: Credentials, stores: Iterable[Path]
) -> tuple[list[Anchor], dict[Path, EdgeError]]:
    """The heads of the journal that the desk signed: into its last manifest, and into those that gates have kept.

    Beside them the files that say nothing of it, and why.
    """
    topic, check = Topics(config.desk.site).manifest, Checker([read_key(credentials.path(DESK_PUBLIC))])
    found: list[Anchor] = []
    useless: dict[Path, EdgeError] = {}
    for path in [*stores, config.state / OFFICE]:
        try:
            own = path == config.state / OFFICE
            found += _anchor(_issued(path, credentials, topic) if own else _kept(path, topic), check)
        except (SealError, StoreError) as error:
            useless[path] = error
    return found, useless


def _issued(path: Path, credentials: Credentials, topic: str) -> bytes:
    """The desk's last manifest; b"" before the first."""
    office = Office(path, Seal.load(credentials.path(KEY)))
    try:
        return office.message(topic) or b""
    finally:
        office.close()


def _kept(path: Path, topic: str) -> bytes:
    """The manifest in the store of a gate."""
    vault = Vault(path, read_only=True)
    try:
        if message := vault.documents().get(topic):
            return message
    finally:
        vault.close()
    raise StoreError("the store has no manifest")


def _anchor(message: bytes, check: Checker) -> list[Anchor]:
    if not message:
        return []
    try:
        manifest = decode(check(message).payload, Manifest)
    except SealError as error:
        text = "its list is signed with a key that is not the desk's, or not any more since the key was rotated"
        hint = "after a rotation: restart the desk, which signs anew; take the store again when its gate has that list"
        raise SealError(text, hint) from error
    return [Anchor.parse(manifest.anchor)] if manifest.anchor else []
