"""What a gate believes of the whitelist: verifies every message, and says what follows from it. Pure.

Messages may be lost, doubled, reordered, replayed, forged or cut off, and the broker may lie. What counts is signed
by the desk and no older than what was believed before. The list changes as a whole, when the manifest, its index
pages and every record that they name have arrived; only a tombstone acts at once and alone. What is refused is a
problem under the person's id, until the truth has come.
"""

from collections.abc import Callable, Iterable

from edge.errors import EdgeError, Phrase, SealError
from edge.holding import Holding, Page, head_of
from edge.outcomes import Adopt, Answered, Bury, Keep, Outcome, Unlock
from edge.records import (
    FORMAT,
    PAGES,
    Answer,
    Entry,
    Index,
    Keys,
    Kind,
    Manifest,
    Mark,
    Signed,
    Tombstone,
    Topics,
    decode,
    digest,
    page_of,
)

Check = Callable[[bytes], Signed]
"""Gives a message back when the desk signed it; SealError otherwise."""
MOST_PROBLEMS = 1000
"""Whoever can write to the broker can name people who do not exist."""
MANIFEST, KEYS, ANSWER = "manifest", "keys", "answer"
"""What problems of the list itself are called; a page's is `index/07`."""


class Roster:
    """The beliefs of one gate. `mark` is None when it was lost: then `nonce` must be answered first."""

    def __init__(self, site: str, gate: str, check: Check, mark: Mark | None, nonce: str) -> None:
        self.topics, self.gate, self._check = Topics(site), gate, check
        self.mark, self.nonce = mark or Mark(0, 0.0), "" if mark else nonce
        self.holding = Holding()
        self.adopted: Manifest | None = None
        """The manifest of the list in use."""
        self.running: dict[str, Entry] = {}
        """Who is on the list in use."""
        self.graves: dict[str, int] = {}
        """Whose tombstone is newer than the list, and its revision."""
        self.problems: dict[str, str] = {}
        self._keys_revision = -1

    # What follows from a message ------------------------------------------------------------------------------------

    def feed(self, topic: str, message: bytes) -> list[Outcome]:
        """Take in what the broker shows under a topic. Nothing follows from what is not believed."""
        levels = self.topics.split(topic)
        name = levels[2] if levels[:1] == ["people"] and len(levels) == 3 else "/".join(levels[:2])
        try:
            return self._feed(levels, message)
        except EdgeError as error:
            return self._refuse(name, error.message)
        except ValueError:
            return self._refuse(name, Phrase("it is not a whole message"))

    def _feed(self, levels: list[str], message: bytes) -> list[Outcome]:
        match levels:
            case ["people", page, person]:
                return self._person(int(page, 16), person, message)
            case ["index", page] if message:
                return self._index(int(page, 16), message)
            case ["manifest"] if message:
                return self._manifest(message)
            case ["keys", gate] if gate == self.gate and message:
                return self._keys(message)
            case ["answer", gate] if gate == self.gate and message:
                return self._answer(message)
        return []

    def _refuse(self, name: str, why: Phrase) -> list[Outcome]:
        if len(self.problems) < MOST_PROBLEMS or name in self.problems:
            self.problems[name] = str(why)
        return []

    def _manifest(self, message: bytes) -> list[Outcome]:
        if message == self.holding.message:
            self.problems.pop(MANIFEST, None)
            return []
        manifest = decode(self._signed(message, Kind.MANIFEST), Manifest)
        self._fits(manifest)
        newest = max(_place(self.holding.manifest or self.mark), _place(self.mark))
        if _place(manifest) < newest:
            text = "revision {theirs} was shown again after revision {ours}"
            raise SealError(text, theirs=manifest.revision, ours=newest[0])
        self.problems.pop(MANIFEST, None)
        self.holding.want(manifest, message, self.graves)
        return self._settle()

    def _fits(self, manifest: Manifest) -> None:
        if manifest.format != FORMAT or len(manifest.pages) != PAGES:
            raise SealError("its format {format} is another than this gate's; update the gate", format=manifest.format)
        if manifest.site != self.topics.site:
            raise SealError("it belongs to the site {site}", site=manifest.site)

    def _index(self, number: int, message: bytes) -> list[Outcome]:
        name = f"index/{number:02x}"
        before = self.holding.page(number)
        if before and message == before.message:
            self.problems.pop(name, None)
            return []
        index = decode(self._signed(message, Kind.INDEX), Index)
        if (
            index.site != self.topics.site
            or index.page != number
            or any(page_of(e.id) != number for e in index.entries)
        ):
            raise SealError("it is the index of something else")
        page = Page(index, message, digest(message))
        if not self.holding.current(number, page.hash):
            if index.revision <= self.holding.as_of(number):
                raise SealError("an index page of revision {revision} was shown again", revision=index.revision)
            self.holding.keep_loose(number, page)
            return []
        self.problems.pop(name, None)
        self.holding.place(number, page, self.graves)
        return self._settle()

    def _person(self, page: int, person: str, message: bytes) -> list[Outcome]:
        if not message:
            return []  # somebody removed it at the broker; what this gate holds stays
        if page_of(person) != page:
            raise SealError("it is not where the person belongs")
        entry = self.holding.entries.get(person)
        if entry and entry.hash == digest(message):  # signed by the manifest: the record's own signature adds nothing
            return self._record(entry, message)
        signed = self._check(message)
        if signed.kind == Kind.TOMBSTONE:
            return self._tombstone(person, decode(signed.payload, Tombstone), message)
        if signed.kind != Kind.RECORD:
            raise SealError("it is a {kind}, not a record", kind=signed.kind)
        head = head_of(signed)
        if head.id != person:
            raise SealError("it is the record of {other}", other=head.id)
        if head.revision <= max(self.holding.as_of(page), self.graves.get(person, 0)):
            raise SealError("a record of revision {revision} was shown again", revision=head.revision)
        return self._record(Entry(person, head.revision, digest(message)), message)

    def _record(self, entry: Entry, message: bytes) -> list[Outcome]:
        if self.holding.entries.get(entry.id) == entry:
            self.problems.pop(entry.id, None)
        if self.holding.holds(entry):
            return []
        self.holding.hold(entry)
        return [Keep(entry, message), *self._settle()]

    def _tombstone(self, person: str, tombstone: Tombstone, message: bytes) -> list[Outcome]:
        if tombstone.id != person:
            raise SealError("it is the tombstone of {other}", other=tombstone.id)
        entry = self.holding.entries.get(person)
        if entry and entry.revision > tombstone.revision:
            text = "a tombstone of revision {revision} was shown again"
            raise SealError(text, revision=tombstone.revision)
        self.problems.pop(person, None)
        over = (
            entry is None and self.holding.as_of(page_of(person)) >= tombstone.revision and person not in self.running
        )
        if over or self.graves.get(person, 0) >= tombstone.revision:
            return []
        self._bury(tombstone)
        return [Bury(tombstone, message), *self._settle()]

    def _bury(self, tombstone: Tombstone) -> None:
        self.graves[tombstone.id] = tombstone.revision
        self.running.pop(tombstone.id, None)
        self.holding.bury(tombstone.id, tombstone.revision)

    def _keys(self, message: bytes) -> list[Outcome]:
        keys = decode(self._signed(message, Kind.KEYS), Keys)
        if (keys.site, keys.gate) != (self.topics.site, self.gate):
            raise SealError("it is for {site}/{gate}", site=keys.site, gate=keys.gate)
        if keys.revision < self._keys_revision:
            raise SealError("keys of revision {revision} were shown again", revision=keys.revision)
        self._keys_revision = keys.revision
        self.problems.pop(f"{KEYS}/{self.gate}", None)
        return [Unlock(keys, message)]

    def _answer(self, message: bytes) -> list[Outcome]:
        answer = decode(self._signed(message, Kind.ANSWER), Answer)
        if not self.nonce or answer.nonce != self.nonce or (answer.site, answer.gate) != (self.topics.site, self.gate):
            return []  # to a question of an earlier start
        self.nonce = ""
        self.mark = Mark(*max(_place(answer), _place(self.adopted or self.mark)))
        if self.holding.manifest and self.holding.manifest.revision < answer.revision:
            self._refuse(MANIFEST, Phrase("the desk is at revision {revision}", revision=answer.revision))
        return [Answered()]

    def _signed(self, message: bytes, kind: Kind) -> bytes:
        signed = self._check(message)
        if signed.kind != kind:
            raise SealError("it is a {kind}", kind=signed.kind)
        return signed.payload

    # The list as a whole --------------------------------------------------------------------------------------------

    def _settle(self) -> list[Outcome]:
        """Adopt the list when it is whole."""
        wanted = self.holding.manifest
        if wanted is None or wanted is self.adopted or self.holding.lacking or self.holding.behind:
            return []
        self.adopted = wanted
        self._exhume(wanted.revision)
        before, self.running = self.running, self.holding.listed(self.graves)
        put = [entry for person, entry in self.running.items() if before.get(person) != entry]
        drop = [person for person in before if person not in self.running]
        if not self.nonce:
            self.mark = Mark(*max(_place(wanted), _place(self.mark)))
        for name in [*drop, *(name for name in self.problems if name.startswith("index/"))]:
            self.problems.pop(name, None)
        documents = self.holding.documents(self.topics)
        return [Adopt(wanted, documents, put, drop, self.holding.discard(wanted.revision))]

    def _exhume(self, revision: int) -> None:
        """Tombstones that the list has caught up with need not be remembered; one that it contradicts stays."""
        for person, since in list(self.graves.items()):
            entry = self.holding.entries.get(person)
            if revision >= since and (entry is None or entry.revision > since):
                del self.graves[person]
            elif revision >= since:
                self._refuse(person, Phrase("the list names somebody whom a tombstone of the desk had removed"))

    # After a start --------------------------------------------------------------------------------------------------

    def resume(self, documents: dict[str, bytes], tombstones: Iterable[bytes], held: Iterable[Entry]) -> None:
        """Believe the store again, as far as it is signed; who is lacking in it is fetched, the others go on."""
        mark, self.mark = self.mark, Mark(0, 0.0)
        for entry in held:
            self.holding.hold(entry)
        for topic in sorted(documents, key=lambda topic: topic != self.topics.manifest):
            self.feed(topic, documents[topic])
        for message in tombstones:
            self._resume_tombstone(message)
        for number in self.holding.behind if documents else ():
            self.problems.setdefault(f"index/{number:02x}", "it is missing in the store")
        for person in self.holding.lacking:
            self._refuse(person, Phrase("its record in the store is missing or was changed"))
        whole = not self.holding.lacking and not self.holding.behind
        self.adopted = self.holding.manifest if whole else None
        self.running = self.holding.listed(self.graves)
        self.mark = mark

    def _resume_tombstone(self, message: bytes) -> None:
        try:
            self._bury(decode(self._signed(message, Kind.TOMBSTONE), Tombstone))
        except (EdgeError, ValueError) as error:
            self._refuse("tombstone", Phrase("{why}", why=error))

    @property
    def revision(self) -> int:
        """Of the list in use, 0 when there is none."""
        used = self.adopted or (self.holding.manifest if self.running else None)
        return used.revision if used else 0

    @property
    def trouble(self) -> Phrase | None:
        """Why nobody may be admitted on this list, if so."""
        highest = max([self.revision, *self.graves.values()])
        if self.nonce:
            return Phrase("the mark of the highest revision is lost; the desk must answer first")
        if self.adopted is None and not self.running:
            return Phrase("no whitelist has arrived yet")
        if highest < self.mark.revision:
            text = "the whitelist is at revision {ours}, revision {mark} was in use before"
            return Phrase(text, ours=highest, mark=self.mark.revision)
        return None


def _place(what: Manifest | Mark | Answer) -> tuple[int, float]:
    """Where something stands in time: a renewed manifest has the same revision and was issued later."""
    return what.revision, what.issued
