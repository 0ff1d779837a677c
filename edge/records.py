"""What the desk and the gates tell each other about the whitelist: the messages, their topics and their forms.

A person is one retained message, a record or the tombstone that took its place. The manifest signs the whole: it
names the hash of every index page, a page the hash of every record in it. Revisions count changes of the list; a
person's revision is that of the list when it last changed. Payloads are msgpack, templates little-endian float32.
"""

import hashlib
import zlib
from datetime import date
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.errors import SealError

T = TypeVar("T")
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""As much as a column of SQLite holds; a message with another number is none of its kind."""
PAGES = 64
"""Of the index. A page of 10,000 people is 7 kB, so that an edit sends 16 kB and not the 450 kB of a whole index."""
FORMAT = 1
"""A manifest of another format is refused and reported, not guessed at."""


class Kind(StrEnum):
    """What is signed; part of what the signature covers."""

    RECORD = "record"
    TOMBSTONE = "tombstone"
    INDEX = "index"
    MANIFEST = "manifest"
    KEYS = "keys"
    ANSWER = "answer"
    REPORT = "report"
    REQUEST = "request"
    REPLY = "reply"


class Signed(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The outer form of every message: what it is, what it says, and the signature over both."""

    kind: str
    payload: bytes
    signature: bytes


class Head(Struct, frozen=True, array_like=True):
    """The clear part of a record, authenticated by its seal: whose, which, sealed with what, comparable with what."""

    id: str
    revision: Count
    key: str
    pack: str


class Content(Struct, frozen=True):
    """The sealed part: no name, which no gate needs. `templates` has rows of `dimension` floats with unit length.

    Levels, validity (UTC seconds) and codes are those of `edge.terms.Permit`.
    """

    dimension: int
    templates: bytes
    consent: str
    purpose: str
    retain_until: date
    levels: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    pin: str = ""
    duress: str = ""
    extended: bool = False
    host: str = ""
    with_pass: bool = False
    card: str = ""


class Record(Struct, frozen=True, array_like=True):
    """`head` is a `Head` in the bytes that the seal binds."""

    head: msgspec.Raw
    sealed: bytes


class Tombstone(Struct, frozen=True, array_like=True):
    """From this revision on the person does not pass. `erased`: receipts are wanted."""

    id: str
    revision: Count
    at: float
    erased: bool = False


class Entry(Struct, frozen=True, array_like=True):
    """One person in the index: the SHA-256 of the whole signed record."""

    id: str
    revision: Count
    hash: bytes


class Index(Struct, frozen=True, array_like=True):
    """One page: everybody whose id falls on it."""

    site: str
    page: Count
    revision: Count
    entries: list[Entry]


class Manifest(Struct, frozen=True):
    """The list as a whole. Times are UTC in seconds; `pages` has the SHA-256 of each page's signed message."""

    site: str
    revision: Count
    issued: float
    expires: float
    people: Count
    pages: list[bytes]
    anchor: str = ""
    """The head of the desk's own log."""
    format: int = FORMAT


class Keys(Struct, frozen=True):
    """The content keys of one gate, by key id, each wrapped for it."""

    site: str
    gate: str
    revision: Count
    wrapped: dict[str, bytes]


class Answer(Struct, frozen=True):
    """To a gate that lost its mark: this is the revision now, whatever the broker shows you."""

    site: str
    gate: str
    nonce: str
    revision: Count
    issued: float


class Report(Struct, frozen=True):
    """What a gate runs, signed by it. `gone` are the tombstones it acted on, by person: its receipts.

    `nonce` is not empty when it asks for an answer. `problems` is by person, or by part of the list. `trusts` has the
    fingerprints of the desk's signing keys that it believes; an older version does not say.
    """

    site: str
    gate: str
    revision: Count
    issued: float
    people: Count
    at: float
    pack: str = ""
    nonce: str = ""
    gone: dict[str, Count] = {}
    problems: dict[str, str] = {}
    trusts: tuple[str, ...] = ()


class Mark(Struct, frozen=True):
    """The highest revision that a gate has run, and when its manifest was issued; kept outside the store."""

    revision: Count
    issued: float


def encode(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def decode(payload: bytes, kind: type[T]) -> T:
    """ValueError (msgspec's own is one) when the payload is none of this kind."""
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except RecursionError as error:  # whoever has a key can nest what no field asks for
        raise ValueError("it is nested too deeply") from error


def parse(message: bytes) -> Signed:
    """The parts of a message, nothing of it verified; SealError when it is none."""
    try:
        return decode(message, Signed)
    except ValueError as error:
        raise SealError("it is not a whole message") from error


def digest(message: bytes) -> bytes:
    """What the index and the manifest name a message by."""
    return hashlib.sha256(message).digest()


def page_of(person: str, pages: int = PAGES) -> int:
    """The index page that a person is on."""
    return zlib.crc32(person.encode()) % pages


def page_name(page: int) -> str:
    return f"{page:02x}"


class Topics:
    """The topics of a site's whitelist. A gate reads all but other gates' keys and answers, and writes its report."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.desk = f"edge/v1/{site}/desk"
        self.manifest = f"{self.desk}/manifest"
        self.index = f"{self.desk}/index/+"
        self.people = f"{self.desk}/people/+/+"
        self.reports = f"edge/v1/{site}/+/roster"

    def page(self, page: int) -> str:
        return f"{self.desk}/index/{page_name(page)}"

    def folk(self, page: int) -> str:
        """The filter of everybody on a page."""
        return f"{self.desk}/people/{page_name(page)}/+"

    def person(self, person: str) -> str:
        return f"{self.desk}/people/{page_name(page_of(person))}/{person}"

    def keys(self, gate: str) -> str:
        return f"{self.desk}/keys/{gate}"

    def answer(self, gate: str) -> str:
        return f"{self.desk}/answer/{gate}"

    def request(self, workstation: str) -> str:
        """Where a workstation asks the desk, and below `reply` hears from it; neither is retained."""
        return f"{self.desk}/request/{workstation}"

    def reply(self, workstation: str) -> str:
        return f"{self.desk}/reply/{workstation}"

    def report(self, gate: str) -> str:
        return f"edge/v1/{self.site}/{gate}/roster"

    def split(self, topic: str) -> list[str]:
        """The levels below the desk's, or nothing when the topic is not one of them."""
        return topic[len(self.desk) + 1 :].split("/") if topic.startswith(f"{self.desk}/") else []
