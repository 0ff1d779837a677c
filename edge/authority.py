"""What the desk issues: from people of the whitelist to numbered, sealed and signed messages, durable before use."""

import time

from edge.config import Credentials, DeskConfig
from edge.enrolled import Row, Secret
from edge.issue import Issuer, paged
from edge.office import Gate, Office
from edge.records import PAGES, Answer, Content, Entry, Manifest, Report, Tombstone, Topics, digest, page_of
from edge.seal import Seal
from edge.signet import DESK_KEY, Stamp, read_key
from edge.whitelist import KEY, Whitelist

OFFICE = "desk.sqlite"


class Authority:
    """Numbers and signs; one process of a site does."""

    def __init__(self, config: DeskConfig, credentials: Credentials) -> None:
        self._config = config
        self.topics = Topics(config.desk.site)
        self.office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
        self._people = Whitelist.of(config, credentials, write=True)
        self._stamp = Stamp(read_key(credentials.path(DESK_KEY)))
        self._entries = self.office.entries()
        hashes = self.office.hashes()
        self._pages = [hashes.get(self.topics.page(number), b"") for number in range(PAGES)]
        self._folk = paged(self._entries.values())
        self._issuer = self._renewed()

    def _renewed(self) -> Issuer:
        keys = self.office.content_keys()
        return Issuer(self._config.desk.site, self._stamp, keys, list(keys)[-1])

    def changed(self) -> bool:
        """Whether somebody was enrolled, changed or revoked since the last issue."""
        return self._people.revision() != self.office.head()[0]

    def due(self, now: float) -> bool:
        """Whether the list must be signed anew."""
        return now - self.office.head()[1] >= self._config.desk.renew_every_s

    def issue(self) -> list[str]:
        """Issue what has changed, or the manifest alone; the topics, tombstones first and the manifest last."""
        issued, _ = self.office.head()
        revision, changes = self._people.changes(issued)
        messages: dict[str, bytes] = {}
        entries, gone = [], []
        for row, secret in changes:
            topic = self.topics.person(row.id)
            if row.revoked_at or secret is None:
                at = row.revoked_at.timestamp() if row.revoked_at else time.time()
                messages[topic] = self._issuer.tombstone(Tombstone(row.id, row.revision, at))
                gone.append((row.id, row.revision, at))
            else:
                messages[topic] = self._record(row, secret)
                entries.append(Entry(row.id, row.revision, digest(messages[topic])))
        touched = self._place(entries, {person for person, _, _ in gone})
        for number in range(PAGES):
            if number in touched or not self._pages[number]:
                page = messages[self.topics.page(number)] = self._issuer.page(number, revision, self._folk[number])
                self._pages[number] = digest(page)
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
            bounds.levels, bounds.valid_from, bounds.valid_until, host=bounds.host, with_pass=bounds.with_pass,
        )  # fmt: skip
        return self._issuer.record(row.id, row.revision, row.pack, content)

    def _manifest(self, revision: int) -> Manifest:
        issued = max(time.time(), self.office.head()[1] + 0.001)  # also when the clock was set back
        expires = issued + self._config.desk.valid_s
        return Manifest(self.topics.site, revision, issued, expires, len(self._entries), list(self._pages))

    def keys(self, gate: Gate) -> str:
        """Have this gate's content keys issued, or withdrawn when it was revoked; the topic."""
        topic, (revision, _) = self.topics.keys(gate.name), self.office.head()
        message = b"" if gate.revoked_at else self._issuer.keys(gate.name, gate.opens, revision)
        self.office.put(topic, message)
        return topic

    def rotate(self) -> None:
        """Seal everybody anew with another content key; the last one goes on opening what is still on its way."""
        keys = list(self.office.new_content_key())
        self.office.forget_content_keys(keys[-2:])
        self._issuer = self._renewed()
        self._people.renumber()

    def answer(self, report: Report) -> bytes:
        """To a gate that lost its mark."""
        revision, issued = self.office.head()
        return self._issuer.answer(Answer(self.topics.site, report.gate, report.nonce, revision, issued))
