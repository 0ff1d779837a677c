"""The desk's side of the counter: opens the requests of workstations, carries out what may be, and replies.

The list is the judge of what came first: a deed, the request that it answers and its line in the journal are one
transaction. What nobody authorised has signed is not answered, and is told in the journal, too seldom to fill it.
"""

import logging
import time
from datetime import date

import msgspec
import numpy as np

from edge import forms, journal
from edge.audit import Audit
from edge.authority import OFFICE
from edge.clock import today_at
from edge.complaints import OvertakenError, nobody
from edge.config import Credentials, DeskConfig
from edge.doubles import Doubles
from edge.enrolled import Person
from edge.errors import EdgeError, RefusedError, SealError, StoreError
from edge.holders import Showings
from edge.journal import Errand
from edge.matcher import ROUNDING, Vector
from edge.models import manifest
from edge.office import Gate, Office
from edge.records import Kind, Signed, Topics, decode, encode, parse
from edge.requests import (
    PAGE,
    Admit,
    Change,
    Deed,
    Demand,
    Docket,
    Done,
    Erase,
    Find,
    Found,
    Heard,
    List,
    Listed,
    Look,
    Outcome,
    Overtaken,
    Refused,
    Reply,
    Response,
    Restore,
    Revoke,
    Show,
    Shown,
    addressed,
    reply_head,
    shortcoming,
    substance,
)
from edge.seal import Seal
from edge.signet import (
    DESK_KEY,
    DESK_OPENS,
    DESK_OPENS_NEXT,
    Checker,
    Stamp,
    disclose,
    enclose,
    fingerprint,
    opening_public_of,
    read_key,
)
from edge.whitelist import KEY, Whitelist

log = logging.getLogger(__name__)

MOST_TEMPLATES = 8
MOST_KEYS = 2
"""So many signing keys of the desk's can be believed at a time."""
TOLD_EVERY_S = 3600.0
"""How often the same complaint about messages of one name is written down."""
DEEDS = (
    journal.Deed.ENROLLED,
    journal.Deed.CHANGED,
    journal.Deed.REVOKED,
    journal.Deed.RESTORED,
    journal.Deed.ERASED,
)
"""What workstations can have done."""


class Clerk:
    """For one thread. StoreError when the desk's database or a key cannot be used."""

    def __init__(self, config: DeskConfig, credentials: Credentials) -> None:
        self._topics, self._credentials = Topics(config.desk.site), credentials
        self._zone = config.calendar.zone
        self._people = Whitelist.of(config, credentials, write=True)
        self._audit = Audit.of(config, credentials)
        self._office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
        self._pack = manifest(config.models.pack)
        self._doubles = Doubles(self._people, self._pack, config.desk.fpir)
        self._stamp = Stamp(read_key(credentials.path(DESK_KEY)))
        self._docket = Docket(time.monotonic())
        self._told: dict[tuple[str, str], float] = {}
        self._showings = Showings(self._audit)

    def close(self) -> None:
        self._office.close()

    def hear(self, name: str, message: bytes) -> bytes | None:
        """The reply to what came under a workstation's topic, or None for what nobody authorised has signed."""
        known = {each.name: each for each in self._office.workstations()}
        try:
            if name not in known:
                raise SealError("there is no such workstation")
            opens = self._opens()
            heard = addressed(message, self._signed(message, known[name]), self._topics.site, name, opens.keys())
            demand = self._demand(heard, opens[heard.head.desk])
        except EdgeError as error:
            self._complain(name if name in known else "", error)
            return None
        self._hold(known[name], {heard.head.desk, *demand.trusts[:MOST_KEYS]})
        return self._reply(known[name], heard, self._outcome(known[name], heard, demand))

    def _opens(self) -> dict[str, bytes]:
        """The desk's opening key by its fingerprint; two of them while it is rotated."""
        after = self._credentials.path(DESK_OPENS_NEXT)
        keys = [read_key(self._credentials.path(DESK_OPENS)), *([read_key(after)] if after.exists() else [])]
        return {fingerprint(opening_public_of(key)): key for key in keys}

    def _signed(self, message: bytes, workstation: Gate) -> Signed:
        parse(message)
        try:
            return Checker([workstation.signs])(message)
        except SealError as error:
            raise SealError("its signature is not that of the workstation") from error

    def _demand(self, heard: Heard, private: bytes) -> Demand:
        try:
            return decode(disclose(heard.sealed, private, heard.bound, b"request"), Demand)
        except ValueError as error:
            raise SealError("it is not a whole message") from error

    def _complain(self, name: str, error: EdgeError) -> None:
        """Tell of what was not answered."""
        now = time.monotonic()
        if now - self._told.get((name, error.template), -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._told[name, error.template] = now
            log.warning("a request under the name of the workstation %s was refused: %s", name or "?", error)
            self._audit.note(journal.Deed.REQUEST_REFUSED, name or "?", why=error.message)

    def _hold(self, workstation: Gate, keys: set[str]) -> None:
        """Keep which keys of the desk's it has shown: a rotation asks before one is destroyed."""
        if workstation.revoked_at:
            return
        try:
            self._showings.note(workstation, keys, time.monotonic())
        except StoreError as error:  # whoever asks is answered all the same
            log.warning("%s", error)

    def _reply(self, workstation: Gate, heard: Heard, outcome: Outcome) -> bytes:
        head = reply_head(self._topics.site, heard)
        content = encode(Response(self._docket.challenge(time.monotonic()), outcome))
        sealed = enclose(content, workstation.opens, head, b"reply")
        return self._stamp.sign(Kind.REPLY, encode(Reply(msgspec.Raw(head), sealed)))

    # What is asked --------------------------------------------------------------------------------------------------

    def _outcome(self, workstation: Gate, heard: Heard, demand: Demand) -> Outcome:
        if workstation.revoked_at:
            error = EdgeError("the workstation {name} was shut out", name=workstation.name)
            self._complain(workstation.name, error)
            return _refused(error)
        try:
            if isinstance(demand.ask, Look):
                return self._look(demand.ask)
            return self._once(workstation, heard, demand.operator, demand.ask)
        except EdgeError as error:
            return _refused(error)

    def _look(self, ask: Look) -> Outcome:
        self._doubles.follow()
        day = today_at(self._zone)
        match ask:
            case Find(number):
                return Found(self._doubles.numbered(number))
            case List(start):
                people = self._doubles.everybody(day)
                return Listed(people[start : start + PAGE], start + PAGE < len(people))
            case Show(person):
                return self._shown(person, day)

    def _shown(self, person: str, day: date) -> Shown:
        found = self._doubles.person(person, day)
        if found is None:
            raise nobody(person, [each.id for each in self._doubles.everybody(day)])
        if not found.revoked_at:
            return Shown(found)
        receipts = {each.gate: round(each.delay_ms, 1) for each in self._office.receipts(person, found.revision)}
        gates = [gate.name for gate in self._office.gates() if not gate.revoked_at]
        return Shown(found, receipts, [name for name in gates if name not in receipts])

    def _once(self, workstation: Gate, heard: Heard, operator: str, ask: Deed) -> Outcome:
        """A deed that was done is answered as it was; else it is judged, if its challenge is that of now."""
        actor, id_ = f"{forms.line(operator)} @ {workstation.name}", forms.line(heard.head.id)
        errand = Errand(actor, workstation.name, id_, substance(ask))
        if before := self._people.done(errand):
            return self._repeated(before)
        if told := self._docket.before(heard, time.monotonic()):
            return told
        outcome = self._judged(errand, ask)
        self._docket.judged(heard, outcome)
        return outcome

    def _repeated(self, before: journal.Before) -> Outcome:
        self._doubles.follow()
        found = self._doubles.person(before.person, today_at(self._zone))
        if found is None or not before.same:
            text = "under this id something else was done before: {deed} {person}; nothing more was done"
            hint = "look: edge-gate people show {person}; what is new is asked for without --request"
            raise RefusedError(text, hint, deed=before.deed, person=before.person)
        return Done(found, repeated=True)

    def _judged(self, errand: Errand, ask: Deed) -> Outcome:
        try:
            return Done(self._do(self._people.on(errand), ask))
        except OvertakenError:
            return self._overtaken(ask)
        except EdgeError as error:
            return self._overtaken(ask) if self._too_late(ask) else _refused(error)

    def _too_late(self, ask: Deed) -> bool:
        """Whether somebody else has revoked this person already."""
        self._doubles.follow()
        found = self._doubles.person(ask.person, today_at(self._zone)) if isinstance(ask, Revoke) else None
        return found is not None and found.revoked_at is not None

    def _do(self, people: Whitelist, ask: Deed) -> Person:
        match ask:
            case Admit():
                return self._admitted(people, ask)
            case Change(person, basis, edit):
                before = people.person(person, today_at(self._zone)).bounds
                return people.edit(person, forms.edit(edit, self._zone, before), basis)
            case Revoke(person):
                return people.revoke(person)
            case Restore(person, basis):
                return people.restore(person, today_at(self._zone), basis)
            case Erase(person, basis):
                return people.erase(person, basis)

    def _admitted(self, people: Whitelist, ask: Admit) -> Person:
        if why := shortcoming(ask, self._pack.id, self._pack.dimension, MOST_TEMPLATES):
            raise EdgeError("{why}", why=why)
        applicant = forms.applicant(ask.applicant, self._zone)
        if not ask.templates:
            return people.admit_faceless(applicant, self._pack.id)
        return self._doubles.admit(applicant, _vectors(ask), people)

    def _overtaken(self, ask: Deed) -> Outcome:
        """Who was first: the last line about the person."""
        assert not isinstance(ask, Admit)
        lines = [said.line for said in self._audit.lines(ask.person) if said.line.deed in DEEDS]
        if not lines:
            raise StoreError("the whitelist was changed meanwhile", "try again")
        return Overtaken(lines[-1].actor, lines[-1].deed, lines[-1].at)


def _refused(error: EdgeError) -> Refused:
    fields = {name: str(field) for name, field in error.fields.items()}
    return Refused(error.template, error.hint, fields, unable=not isinstance(error, RefusedError))


def _vectors(ask: Admit) -> Vector:
    """Templates as they are matched; RefusedError when they are no unit vectors."""
    rows: Vector = np.frombuffer(ask.templates, "<f4").reshape(-1, ask.dimension).astype(np.float32)
    if not np.isfinite(rows).all() or (abs((rows * rows).sum(axis=1) - 1.0) > ROUNDING).any():
        raise RefusedError("these are no templates", reason="unreadable")
    return rows
