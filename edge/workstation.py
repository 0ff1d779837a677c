"""A workstation's end of the counter: asks the desk about people over the broker, as if the list were here.

A request is sent again until its reply has come; the desk does it once. What was not answered is either certain to have
changed nothing, or named by its id, under which the same command asks again.
"""

import math
import secrets
import time
from datetime import date
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from edge import journal
from edge.config import Credentials, WorkstationConfig
from edge.enrolled import Applicant, Edit, Person
from edge.errors import EdgeError, LinkError, RefusedError, SealError, StoreError
from edge.kept import checker
from edge.matcher import Vector
from edge.mqtt import Connection, Lost, Message
from edge.records import Kind, Topics, decode, digest, encode
from edge.requests import (
    Admit,
    Ask,
    Change,
    Deed,
    Demand,
    Done,
    Erase,
    Find,
    Found,
    Head,
    List,
    Listed,
    Outcome,
    Overtaken,
    Refused,
    Request,
    Response,
    Restore,
    Revoke,
    Show,
    Shown,
    Stale,
    answered,
)
from edge.session import address
from edge.signet import (
    DESK_OPENS_PUBLIC,
    WORKSTATION_OPENS,
    WORKSTATION_SIGNS,
    Stamp,
    disclose,
    enclose,
    fingerprint,
    read_key,
)

T = TypeVar("T", bound=Outcome)
AGAIN_S = 1.0
"""How often a request is sent that has no reply yet: the desk may have been away."""
TURN_S = 0.05
TRIES = 3
"""How often a deed is asked with another challenge, which lives for a minute."""


class LateError(RefusedError):
    """Somebody else's deed was accepted first, and nothing was changed."""

    def __init__(self, person: str, told: Overtaken) -> None:
        text = "{person} was changed meanwhile by {by} ({deed}, {at:%Y-%m-%d %H:%M} UTC); nothing else was changed"
        hint = "look again: edge-gate people show {person}"
        super().__init__(text, hint, person=person, by=told.by, deed=told.deed, at=told.at, reason="overtaken")


class UnansweredError(LinkError):
    """A deed was asked for and no reply has come: nobody here knows whether it was done."""

    def __init__(self, request: str, why: object) -> None:
        text = "the desk has not answered, so it is not known whether that was done: {why}"
        hint = "do the same again with --request {request}: it is done once, and you are told"
        super().__init__(text, hint, request=request, why=why)


class Counter:
    """People, as the desk tells of them; to be used with `with`. LinkError when it does not answer."""

    def __init__(self, config: WorkstationConfig, credentials: Credentials, pack: str, request: str = "") -> None:
        """`pack` is the id of the pack that templates are of; `request` is the id of a deed that is asked again."""
        section = config.workstation
        self._site, self._name, self._pack = section.site, section.name, pack
        self._patience_s, self._topics = section.patience_s, Topics(section.site)
        self._where = address(config.broker, credentials)
        self._stamp = Stamp(read_key(credentials.path(WORKSTATION_SIGNS)))
        self._opener = read_key(credentials.path(WORKSTATION_OPENS))
        self._desk = read_key(credentials.path(DESK_OPENS_PUBLIC))
        self._check = checker(credentials)
        self._request, self._challenge = request, ""
        self._acted = bool(request)
        """Whether something was changed already, or may have been by the request that is asked again."""
        self.repeated = False
        """Whether the last deed had been done before, the first time that it was asked for."""
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._connection:
            self._connection.close()

    # People, as a whitelist of this machine has them -----------------------------------------------------------------

    def people(self, today: date) -> list[Person]:
        """Everybody who has a record, in the order of enrolment."""
        people: list[Person] = []
        more = True
        while more:
            page = self._asked(List(len(people)), Listed)
            people, more = people + page.people, page.more
        return people

    def person(self, person: str, today: date) -> Person:
        return self.shown(person).person

    def shown(self, person: str) -> Shown:
        """One person's record and, of one who is revoked, which gates have confirmed it."""
        return self._asked(Show(person), Shown)

    def follow(self) -> int:
        """Nothing of the list is kept here."""
        return 0

    def numbered(self, number: str) -> Person | None:
        return self._asked(Find(number), Found).person if number else None

    def admit(self, applicant: Applicant, templates: Vector) -> Person:
        content = templates.astype("<f4").tobytes()
        return self._done(Admit(applicant, self._pack, templates.shape[1], content), applicant.name)

    def admit_faceless(self, applicant: Applicant, pack: str) -> Person:
        return self._done(Admit(applicant, pack, 0, b""), applicant.name)

    def edit(self, person: str, edit: Edit, expected: int | None = None) -> Person:
        return self._done(Change(person, self._basis(person, expected), edit), person)

    def revoke(self, person: str) -> Person:
        return self._done(Revoke(person), person)

    def restore(self, person: str, today: date, expected: int | None = None) -> Person:
        return self._done(Restore(person, self._basis(person, expected)), person)

    def erase(self, person: str, expected: int | None = None) -> Person:
        return self._done(Erase(person, self._basis(person, expected)), person)

    def _basis(self, person: str, expected: int | None) -> int:
        return self.person(person, date.today()).revision if expected is None else expected

    # Asking -----------------------------------------------------------------------------------------------------------

    def _done(self, deed: Deed, whom: str) -> Person:
        """Have a deed done, once, under one id; RefusedError when the desk does not, StoreError when it cannot."""
        id_, self._request = self._request or secrets.token_hex(16), ""
        if not self._challenge:
            self._asked(Find(""), Found)  # whether there is a desk at all is known before anything is changed
        for _ in range(TRIES):
            try:
                outcome = self._ask(deed, id_)
            except LinkError as error:
                raise UnansweredError(id_, error.message) from error
            if isinstance(outcome, Overtaken):
                raise LateError(whom, outcome)
            if not isinstance(outcome, Stale):
                done = self._expected(outcome, Done)
                self._acted, self.repeated = True, done.repeated
                return done.person
        raise LinkError("the desk does not take its own challenges; nothing was changed", "look at its log")

    def _asked(self, look: Ask, kind: type[T]) -> T:
        """Ask what changes nothing."""
        try:
            outcome = self._ask(look, secrets.token_hex(16))
        except LinkError as error:
            text = (
                "the desk cannot be asked: {why}"
                if self._acted
                else "the desk cannot be asked, and nothing was changed: {why}"
            )
            raise LinkError(text, "see that edge-gate desk run is at work", why=error.message) from error
        return self._expected(outcome, kind)

    def _expected(self, outcome: Outcome, kind: type[T]) -> T:
        if isinstance(outcome, Refused):
            told = outcome.text, outcome.hint, outcome.fields
            if outcome.unable:  # its disk, say, and not the one of this machine
                raise StoreError("the desk says: {why}", why=EdgeError.retold(*told))
            raise RefusedError.retold(*told)
        if not isinstance(outcome, kind):
            raise LinkError("the desk answers something else; is it of an older version?")
        return outcome

    def _ask(self, ask: Ask, id_: str) -> Outcome:
        message, fresh = self._message(ask, id_), self._connection is None
        try:
            return self._exchanged(message)
        except Lost:
            self._connection = None
            if fresh:
                raise
        return self._exchanged(message)  # the one before was idle while somebody sat before the camera

    def _exchanged(self, message: bytes) -> Outcome:
        """Send until the reply has come."""
        if self._connection is None:
            self._connection = Connection(self._where, [self._topics.reply(self._name)], needs_all=True)
        deadline, sent = time.monotonic() + self._patience_s, -math.inf
        while (now := time.monotonic()) < deadline:
            if now - sent >= AGAIN_S:
                sent = now
                self._connection.publish(Message(self._topics.request(self._name), message))
            for each in self._connection.turn(TURN_S):
                if response := self._reply(each.payload, digest(message)):
                    self._challenge = response.challenge
                    return response.outcome
        raise LinkError("no answer within {seconds:.0f} s", seconds=self._patience_s)

    def _message(self, ask: Ask, id_: str) -> bytes:
        head = encode(Head(self._site, self._name, id_, fingerprint(self._desk), self._challenge, time.time()))
        sealed = enclose(encode(Demand(journal.account(), ask, self._check.trusts)), self._desk, head, b"request")
        return self._stamp.sign(Kind.REQUEST, encode(Request(msgspec.Raw(head), sealed)))

    def _reply(self, message: bytes, wanted: bytes) -> Response | None:
        """What the desk says to this request; anything else that is shown here means nothing."""
        try:
            reply = answered(self._check(message), self._site, self._name, wanted)
            if reply is None:
                return None
            return decode(disclose(reply.sealed, self._opener, bytes(reply.head), b"reply"), Response)
        except (SealError, ValueError):
            return None
