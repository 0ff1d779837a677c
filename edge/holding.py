"""What a gate has of a list: the newest manifest, the pages and records that have arrived, and what is lacking. Pure.

Everything that is put in here has been verified; `roster.py` does that.
"""

from collections.abc import Container
from typing import NamedTuple

from edge.records import PAGES, Entry, Head, Index, Manifest, Record, Signed, Topics, decode, digest, parse


class Page(NamedTuple):
    """A page of the index with its signed form, by whose hash the manifest names it."""

    content: Index
    message: bytes
    hash: bytes


class Holding:
    """The parts of the list, as they arrive."""

    def __init__(self) -> None:
        self.manifest: Manifest | None = None
        """The newest one."""
        self.message = b""
        """Its signed form."""
        self.entries: dict[str, Entry] = {}
        """Who stands in the index, as far as it is known."""
        self.lacking: set[str] = set()
        """Whose record the index names and has not arrived."""
        self._pages: dict[int, Page] = {}
        self._loose: dict[int, Page] = {}
        self._unsaved: set[int] = set()
        self._held: dict[str, dict[bytes, int]] = {}

    def want(self, manifest: Manifest, message: bytes, graves: dict[str, int]) -> None:
        """From now on this manifest says what is lacking."""
        self.manifest, self.message = manifest, message
        for number in [number for number, page in self._loose.items() if self.current(number, page.hash)]:
            self.place(number, self._loose.pop(number), graves)

    def page(self, number: int) -> Page | None:
        return self._pages.get(number)

    def current(self, number: int, hashed: bytes) -> bool:
        """Whether the manifest names this page."""
        return self.manifest is not None and self.manifest.pages[number] == hashed

    def as_of(self, number: int) -> int:
        """Up to which revision it is known who is on a page; -1 when nothing is known of it."""
        known = self._pages.get(number)
        if known is None:
            return -1
        return self.manifest.revision if self.manifest and self.current(number, known.hash) else known.content.revision

    def keep_loose(self, number: int, page: Page) -> None:
        """A page that is newer than the manifest waits for the one that names it."""
        self._loose[number] = page

    def place(self, number: int, page: Page, graves: dict[str, int]) -> None:
        """Take over a page that the manifest names; people whose tombstone is newer are not lacking."""
        before = self._pages.get(number)
        for entry in before.content.entries if before else ():
            self.entries.pop(entry.id, None)
            self.lacking.discard(entry.id)
        self._pages[number] = page
        self._unsaved.add(number)
        for entry in page.content.entries:
            self.entries[entry.id] = entry
            if not self.holds(entry) and graves.get(entry.id, 0) < entry.revision:
                self.lacking.add(entry.id)

    def holds(self, entry: Entry) -> bool:
        return entry.hash in self._held.get(entry.id, ())

    def hold(self, entry: Entry) -> None:
        """This record is in the store."""
        self._held.setdefault(entry.id, {})[entry.hash] = entry.revision
        if self.entries.get(entry.id) == entry:
            self.lacking.discard(entry.id)

    def bury(self, person: str, revision: int) -> None:
        """Records up to this revision are not in the store any more."""
        self.lacking.discard(person)
        held = self._held.pop(person, {})
        if later := {key: since for key, since in held.items() if since > revision}:
            self._held[person] = later

    @property
    def behind(self) -> list[int]:
        """The pages that have not arrived; all of them before there is a manifest."""
        wanted = self.manifest.pages if self.manifest else [b""] * PAGES
        return [n for n, hashed in enumerate(wanted) if n not in self._pages or self._pages[n].hash != hashed]

    def listed(self, graves: Container[str]) -> dict[str, Entry]:
        """Who is on the list and held."""
        return {name: e for name, e in self.entries.items() if name not in graves and name not in self.lacking}

    def documents(self, topics: Topics) -> dict[str, bytes]:
        """The manifest and the pages that were placed since this was last asked, by topic."""
        unsaved, self._unsaved = self._unsaved, set()
        return {topics.manifest: self.message, **{topics.page(n): self._pages[n].message for n in sorted(unsaved)}}

    def discard(self, revision: int) -> list[bytes]:
        """Forget the records that the list does not name and that are not newer than it; their hashes."""
        gone: list[bytes] = []
        for person, held in list(self._held.items()):
            entry = self.entries.get(person)
            named = entry.hash if entry else b""
            if len(held) == 1 and named in held:
                continue
            over = [key for key, since in held.items() if key != named and since <= revision]
            for key in over:
                del held[key]
            if not held:
                del self._held[person]
            gone += over
        return gone


def head_of(signed: Signed) -> Head:
    """The clear part of a record; ValueError when it is malformed."""
    return decode(bytes(decode(signed.payload, Record).head), Head)


def entry_of(message: bytes) -> Entry:
    """How the index names this record; SealError or ValueError when it is none."""
    head = head_of(parse(message))
    return Entry(head.id, head.revision, digest(message))
