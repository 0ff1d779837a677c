"""The desk's half of the protocol: makes the signed messages that `roster.py` believes. It only holds keys."""

from collections.abc import Iterable

from msgspec import Raw

from edge.records import (
    PAGES,
    Answer,
    Content,
    Entry,
    Head,
    Index,
    Keys,
    Kind,
    Manifest,
    Record,
    Tombstone,
    digest,
    encode,
    page_of,
)
from edge.signet import Sealer, Stamp, wrap


class Issuer:
    """Seals and signs for one site; `key` is the id of the content key that new records are sealed with."""

    def __init__(self, site: str, stamp: Stamp, content_keys: dict[str, bytes], key: str) -> None:
        self.site, self.key = site, key
        self._stamp, self._keys, self._sealer = stamp, content_keys, Sealer(content_keys)

    def record(self, person: str, revision: int, pack: str, content: Content) -> bytes:
        head = encode(Head(person, revision, self.key, pack))
        sealed = self._sealer.close(self.key, encode(content), head)
        return self._stamp.sign(Kind.RECORD, encode(Record(Raw(head), sealed)))

    def tombstone(self, tombstone: Tombstone) -> bytes:
        return self._stamp.sign(Kind.TOMBSTONE, encode(tombstone))

    def page(self, number: int, revision: int, entries: Iterable[Entry]) -> bytes:
        ordered = sorted(entries, key=lambda entry: entry.id)
        return self._stamp.sign(Kind.INDEX, encode(Index(self.site, number, revision, ordered)))

    def manifest(self, manifest: Manifest) -> bytes:
        return self._stamp.sign(Kind.MANIFEST, encode(manifest))

    def keys(self, gate: str, public: bytes, revision: int) -> bytes:
        """Every content key, wrapped for a gate."""
        wrapped = {kid: wrap(key, public, binding(self.site, gate, kid)) for kid, key in self._keys.items()}
        return self._stamp.sign(Kind.KEYS, encode(Keys(self.site, gate, revision, wrapped)))

    def answer(self, answer: Answer) -> bytes:
        return self._stamp.sign(Kind.ANSWER, encode(answer))


def binding(site: str, gate: str, kid: str) -> str:
    """What a wrapped content key is bound to."""
    return f"{site}/{gate}/{kid}"


def paged(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Everybody on their pages."""
    pages: list[list[Entry]] = [[] for _ in range(PAGES)]
    for entry in entries:
        pages[page_of(entry.id)].append(entry)
    return pages


def hashes(pages: Iterable[bytes]) -> list[bytes]:
    """The signed pages as the manifest names them."""
    return [digest(page) for page in pages]
