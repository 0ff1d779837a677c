"""A desk in memory: it makes the real signed messages of a list that changes, and remembers every one of them."""

import os
from datetime import date

from edge.issue import Issuer, hashes, paged
from edge.records import PAGES, Content, Entry, Manifest, Mark, Tombstone, Topics, digest
from edge.roster import Roster
from edge.signet import Checker, Stamp, new_signing_pair, public_of

SITE, GATE, PACK = "hq", "lobby", "zoo-1"
CONTENT = Content(2, bytes(8), "form 12", "entry", date(2099, 1, 1))
PRIVATE = new_signing_pair().private
PEOPLE = ["ann", "bob", "cem", "dan"]
FRESH = Mark(0, 0.0)


class Desk:
    """`shown` is what the broker should hold, `history` everything it ever was told, in order."""

    def __init__(self) -> None:
        self.issuer = Issuer(SITE, Stamp(PRIVATE), {"k1": os.urandom(32)}, "k1")
        self.check = Checker([public_of(PRIVATE)])
        self.topics = Topics(SITE)
        self.content = CONTENT
        self.revision, self.issued = 0, 1000.0
        self.people: dict[str, Entry] = {}
        self.lists: dict[int, dict[str, int]] = {0: {}}
        """Revision -> who is on the list, and the revision of each."""
        self.graves: dict[str, int] = {}
        self.shown: dict[str, bytes] = {}
        self.history: list[tuple[str, bytes]] = []
        self._pages = [b""] * PAGES
        self._publish(range(PAGES))

    def put(self, person: str) -> None:
        self.revision += 1
        message = self.issuer.record(person, self.revision, PACK, self.content)
        self.people[person] = Entry(person, self.revision, digest(message))
        self._show(self.topics.person(person), message)
        self._publish([int(self.topics.person(person).split("/")[-2], 16)])

    def revoke(self, person: str) -> None:
        self.revision += 1
        del self.people[person]
        self.graves[person] = self.revision
        self._show(self.topics.person(person), self.issuer.tombstone(Tombstone(person, self.revision, 0.0)))
        self._publish([int(self.topics.person(person).split("/")[-2], 16)])

    def renew(self) -> None:
        """The manifest again, with a later date."""
        self._publish([])

    def _publish(self, changed: "range | list[int]") -> None:
        folk = paged(self.people.values())
        for number in changed:
            self._pages[number] = self.issuer.page(number, self.revision, folk[number])
            self._show(self.topics.page(number), self._pages[number])
        self.issued += 1.0
        manifest = Manifest(SITE, self.revision, self.issued, self.issued + 100, len(self.people), hashes(self._pages))
        self._show(self.topics.manifest, self.issuer.manifest(manifest))
        self.lists[self.revision] = {person: entry.revision for person, entry in self.people.items()}

    def _show(self, topic: str, message: bytes) -> None:
        self.shown[topic] = message
        self.history.append((topic, message))


def roster(desk: Desk, mark: Mark | None = FRESH, nonce: str = "") -> Roster:
    return Roster(SITE, GATE, desk.check, mark, nonce)
