"""What a workstation asks of the desk about people, and what the desk answers. Pure but for the challenge's chance.

A request is sealed to the desk and signed by the workstation; its reply is sealed to the workstation and signed by the
desk, over the very request. What changes somebody names the revision that it was based on, has an id under which it is
done once, and carries the challenge that the desk's last reply held: so none that was recorded or held back acts later.
"""

from collections.abc import Container
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from edge.challenge import Challenge
from edge.enrolled import Applicant, Edit, Person
from edge.errors import Phrase, SealError
from edge.records import Kind, Signed, decode, digest, encode

PAGE = 200
"""People in one reply: far below what a broker takes as one message."""


class Head(Struct, frozen=True, array_like=True):
    """The clear part of a request, authenticated by its seal. `desk` is the fingerprint of the key it is sealed to."""

    site: str
    workstation: str
    id: str
    desk: str
    challenge: str
    at: float


class Request(Struct, frozen=True, array_like=True):
    """`head` is a `Head` in the bytes that the seal binds."""

    head: msgspec.Raw
    sealed: bytes


class Show(Struct, frozen=True, tag="show"):
    """One person's record; of one who is revoked, also which gates have confirmed it."""

    person: str


class List(Struct, frozen=True, tag="list"):
    """A page of everybody, in the order of enrolment, from the place `start` on."""

    start: int


class Find(Struct, frozen=True, tag="find"):
    """Who has this number."""

    number: str


class Admit(Struct, frozen=True, tag="admit"):
    """Enrol somebody with templates of `pack`, little-endian float32, `dimension` a row; none: without a face."""

    applicant: Applicant
    pack: str
    dimension: int
    templates: bytes


class Change(Struct, frozen=True, tag="change"):
    person: str
    basis: int
    edit: Edit


class Revoke(Struct, frozen=True, tag="revoke"):
    """Without a basis: whatever else was changed meanwhile, this person is not to pass."""

    person: str


class Restore(Struct, frozen=True, tag="restore"):
    person: str
    basis: int


class Erase(Struct, frozen=True, tag="erase"):
    person: str
    basis: int


Look = Show | List | Find
"""What changes nothing, and may be asked at any time."""
Deed = Admit | Change | Revoke | Restore | Erase
Ask = Look | Deed


def substance(deed: Deed) -> bytes:
    """SHA-256 of what a deed is to do, the same when it is asked for again: another basis has been read by then, and
    another picture may have been taken.
    """
    match deed:
        case Admit(applicant, _, _, templates):
            deed = Admit(applicant, "", 0, b"face" if templates else b"")
        case Change() | Restore() | Erase():
            deed = msgspec.structs.replace(deed, basis=0)
    return digest(encode(deed))


class Demand(Struct, frozen=True):
    """The sealed part: what is asked, and in whose name; the desk believes the workstation who sits there.

    `trusts` has the fingerprints of the desk's signing keys that it believes; an older version does not say.
    """

    operator: str
    ask: Ask
    trusts: tuple[str, ...] = ()


class ReplyHead(Struct, frozen=True, array_like=True):
    """To which request, by its id and the SHA-256 of the message that it was."""

    site: str
    workstation: str
    id: str
    request: bytes


class Reply(Struct, frozen=True, array_like=True):
    head: msgspec.Raw
    sealed: bytes


class Shown(Struct, frozen=True, tag="shown"):
    """The record; `confirmed_ms` and `pending` are of the end of somebody who is revoked, by gate."""

    person: Person
    confirmed_ms: dict[str, float] = {}
    pending: list[str] = []


class Listed(Struct, frozen=True, tag="listed"):
    people: list[Person]
    more: bool


class Found(Struct, frozen=True, tag="found"):
    person: Person | None


class Done(Struct, frozen=True, tag="done"):
    """The record after the deed; `repeated` when it was done the first time that it was asked for."""

    person: Person
    repeated: bool = False


class Overtaken(Struct, frozen=True, tag="overtaken"):
    """Nothing was changed: somebody else's deed was accepted first."""

    by: str
    deed: str
    at: datetime


class Refused(Struct, frozen=True, tag="refused"):
    """Nothing was changed; the parts of an `EdgeError`."""

    text: str
    hint: str = ""
    fields: dict[str, str] = {}
    unable: bool = False
    """Whether the reason is not in what was asked: the desk cannot do it, and would not for anybody else."""


class Stale(Struct, frozen=True, tag="stale"):
    """Nothing was changed: the challenge is not that of now; ask again with the one beside this."""


Outcome = Shown | Listed | Found | Done | Overtaken | Refused | Stale


class Response(Struct, frozen=True):
    """The sealed part of a reply."""

    challenge: str
    outcome: Outcome


class Heard(NamedTuple):
    """A request whose signature and address are right."""

    head: Head
    bound: bytes
    """The head in the bytes that the seal binds."""
    sealed: bytes
    digest: bytes


def addressed(message: bytes, signed: Signed, site: str, workstation: str, desk: Container[str]) -> Heard:
    """A request that this workstation signed and meant for this desk; SealError says what else it is.

    `desk` has the fingerprints of the desk's opening keys.
    """
    if signed.kind != Kind.REQUEST:
        raise SealError("it is a {kind}, not a request", kind=signed.kind)
    try:
        request = decode(signed.payload, Request)
        head = decode(bytes(request.head), Head)
    except ValueError as error:
        raise SealError("it is not a whole message") from error
    if (head.site, head.workstation) != (site, workstation):
        raise SealError("it is a request of {site}/{name}", site=head.site, name=head.workstation)
    if head.desk not in desk:
        raise SealError("it is sealed to another key of the desk: install its desk-open.pub at the workstation")
    return Heard(head, bytes(request.head), request.sealed, digest(message))


def answered(signed: Signed, site: str, workstation: str, wanted: bytes) -> Reply | None:
    """A reply to the request with this digest, or None when it is to another."""
    if signed.kind != Kind.REPLY:
        return None
    reply = decode(signed.payload, Reply)
    head = decode(bytes(reply.head), ReplyHead)
    return reply if (head.site, head.workstation, head.request) == (site, workstation, wanted) else None


def reply_head(site: str, heard: Heard) -> bytes:
    return encode(ReplyHead(site, heard.head.workstation, heard.head.id, heard.digest))


class Docket:
    """Which deeds are judged: each message once, with a challenge of now. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._challenge = Challenge(now)
        self._judged: dict[bytes, tuple[str, Outcome]] = {}

    def challenge(self, now: float) -> str:
        """What a deed has to carry; with a new one, messages under those before are forgotten: they act no more."""
        if self._challenge.renewed(now):
            kept = {key: (text, told) for key, (text, told) in self._judged.items() if self._accepts(text, now)}
            self._judged = kept
        return self._challenge.text

    def before(self, heard: Heard, now: float) -> Outcome | None:
        """What this very message was told already, or that it has come too late; None: it is to be judged."""
        self.challenge(now)
        if heard.digest in self._judged:
            return self._judged[heard.digest][1]
        return None if self._accepts(heard.head.challenge, now) else Stale()

    def judged(self, heard: Heard, outcome: Outcome) -> None:
        """Remember what a message was told."""
        self._judged[heard.digest] = heard.head.challenge, outcome

    def _accepts(self, challenge: str, now: float) -> bool:
        return self._challenge.accepts(challenge, now)


def shortcoming(admit: Admit, pack: str, dimension: int, most: int) -> Phrase | None:
    """What is wrong with the form of templates that somebody else made, before they are looked into."""
    if admit.templates and (admit.pack != pack or admit.dimension != dimension):
        text = "the workstation runs the model pack {theirs}, the desk {ours}"
        return Phrase(text, theirs=admit.pack, ours=pack)
    row = 4 * dimension
    if len(admit.templates) % row or len(admit.templates) > most * row:
        return Phrase("these are not one to {most} templates", most=most)
    return None
