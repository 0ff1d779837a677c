"""The porter: takes what cameras read off codes, finds out whether it is a pass, and writes its uses down.

One thread with a queue of its own, since it waits for a disk and the gate must not. A pass reaches the gate as a
`PassShown`; a grant for one is counted before its record is written, so that no power cut gives a use back. It is given
back when the gate says that the door was not released for it (docs/decisions/0072).
"""

import queue
from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from msgspec import structs

from edge.bulletin import Bulletin, Elsewhere, Newest, Told
from edge.config import Config, Credentials
from edge.doorevents import AccessGranted
from edge.effects import Emit, UseSettled
from edge.errors import Phrase, StoreError
from edge.facts import PassesRevoked, PassShown, Recorded, TemplateDestroyed
from edge.passbook import BOOK, Issued, Passbook
from edge.passes import Passes, PassRefused, meant
from edge.retention import carry_out, destroyed
from edge.sources import Put, Source
from edge.spending import Spending, logged
from edge.terms import Now, Pass, Permit, Reason
from edge.whitelist import Whitelist
from edge.wire import Code

WAITING = 64
"""Codes and grants that may wait; who holds up more is not heard, and the gate goes on. Messages wait beside them."""
TURN_S = 0.5
TIDY_EVERY_S = 60.0
HEED_EVERY_S = 1.0
"""How often it looks what was revoked; before each opening it looks in any case."""
RECEIPTS_EVERY_S = 2.0
"""How often it looks whether a template was destroyed, and tries again to give back what it could not."""

Append = Callable[[Emit, Now], None]


class Known(NamedTuple):
    """What the list in use says; may be asked by any thread."""

    arrived: Callable[[str], bool]
    """Whether this person can be recognised."""
    permit: Callable[[str], Permit | None]
    """What this person may, and their PIN."""


class Lately(NamedTuple):
    """What must be remembered of a pass that was shown lately: when it ends, UTC seconds."""

    until: float
    shared: bool


class Porter(Source):
    """`known` says who is on the list; `append` records an event, as the outbox does.

    `publish` tells the other gates how often passes for several gates were used here.
    """

    def __init__(
        self,
        config: Config,
        credentials: Credentials,
        put: Put,
        append: Append,
        known: Known,
        clock: Callable[[], Now],
        publish: Callable[[bytes], None],
    ) -> None:
        super().__init__("porter", put)
        self._doors = {camera.name: camera.door for camera in config.camera}
        self._gate, self._path = config.gate.name, config.state / BOOK
        self._passes, self._append, self._people = Passes(config, credentials), append, known
        self._asked: queue.SimpleQueue[Code | tuple[Emit, Now] | UseSettled | None] = queue.SimpleQueue()
        """None: something was heard."""
        self._lately: dict[str, Lately] = {}
        self._config, self._credentials, self._clock = config, credentials, clock
        self._spending, self.bulletin = Spending(self._path, publish), Bulletin(config, credentials)
        self._heard = Newest(self.bulletin.issuers)
        self._receipts: dict[int, str] = {}
        """By ticket, which is below zero as no grant's is: whose receipt was told and may not be on the disk."""
        self._recorded: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._revoked: frozenset[str] = frozenset()
        """The passes of which the gate knows that they are."""
        self._tidy_at = self._receipts_at = self._heed_at = 0.0
        self._retained = date.min

    def read(self, code: Code) -> None:
        """Find out what a code is; never blocks."""
        if meant(code.seen.text) and self._asked.qsize() < WAITING:
            self._asked.put(code)

    def spend(self, granted: Emit, now: Now) -> None:
        """Count a use of the pass that was granted, then have the grant recorded; never blocks."""
        if self._asked.qsize() < WAITING:
            self._asked.put((granted, now))
        else:
            self._put(Recorded(granted.ticket, False))

    def settle(self, settled: UseSettled) -> None:
        """Have the other gates told of a use, or give it back, once it is written down; never blocks.

        There is always room for it: without one for its pass nothing would have been granted.
        """
        self._asked.put(settled)

    def hear(self, topic: str, payload: bytes) -> None:
        """Take in what the site is told of passes; never blocks."""
        if self._heard.keep(topic, payload):
            self._asked.put(None)

    def recorded(self, fact: Recorded) -> None:
        """A record is on the disk, or will not be; never blocks."""
        if fact.ok and fact.ticket < 0:
            self._recorded.put(fact.ticket)

    def listen(self) -> None:
        with logged():
            self._revoked = frozenset(Passbook(self._path).revocations())
        self._spending.tell()
        while not self._stopped.is_set():
            self._answer()
            if told := self._heard.take():
                self._learn(told)
            self._tidy(self._clock())

    def _answer(self) -> None:
        """Take up a code or a grant, or wait for one while nothing else is to be done."""
        try:
            asked = self._asked.get(timeout=0.0 if self._heard else TURN_S)
        except queue.Empty:
            return
        match asked:
            case Code():
                self._put(self._shown(asked))
            case UseSettled():
                self._spending.settle(asked)
            case (granted, now):
                self._count(granted, now)

    def _shown(self, code: Code) -> PassShown:
        door = self._doors[code.camera]
        try:
            shown = self._known(self._passes.read(code.seen.text, self._gate))
            self._lately[shown.id] = Lately(shown.valid_until, shown.shared)
            return PassShown(door, code.camera, code.seen.captured, shown)
        except PassRefused as refused:
            return PassShown(door, code.camera, code.seen.captured, problem=refused.reason, detail=str(refused.message))
        except StoreError as error:
            return PassShown(
                door, code.camera, code.seen.captured, problem=Reason.NOT_RECORDED, detail=str(error.message)
            )

    def _known(self, shown: Pass) -> Pass:
        """The pass with what this gate knows of it."""
        book = Passbook(self._path)
        if book.revoked(shown.id):
            raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, Phrase("it was revoked"))
        if shown.face and not self._people.arrived(shown.person):
            why = Phrase("it only counts with a face, and the record of that has not arrived here")
            raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, why)
        permit = self._people.permit(shown.person) if shown.with_pin else None
        if shown.with_pin and not (permit and permit.pin):
            why = Phrase("it only counts with a PIN, and this gate knows none of its person")
            raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, why)
        return structs.replace(shown, used=book.used(shown.id))

    def _count(self, granted: Emit, now: Now) -> None:
        event = granted.event
        assert isinstance(event, AccessGranted)
        self._heed()
        until, shared = self._lately.get(event.credential, Lately(now.utc, False))
        if event.credential not in self._revoked and self._spending.count(
            granted.ticket, event.credential, until, shared
        ):
            self._append(granted, now)
        else:
            self._put(Recorded(granted.ticket, False))

    def _learn(self, told: Told) -> None:
        """Write down what the site was told. A pass that ended here with its face takes that with it."""
        with logged():
            book, found = Passbook(self._path), self.bulletin.read(told.topic, told.payload)
            if isinstance(found, Elsewhere):
                book.learn(found.gate, found.uses.passes)
            elif found:
                faces = [each for each in book.issued() if each.face and not each.revoked and each.id in found.passes]
                book.revoke_all(found.passes)
                for issued in faces:
                    self._destroy(issued)
        self._heed()

    def _heed(self) -> None:
        """Tell the gate which passes were revoked since the last look, by an issuer or by a command beside it."""
        with logged():
            found = frozenset(Passbook(self._path).revocations())
            if news := found - self._revoked:
                self._put(PassesRevoked(tuple(sorted(news))))
            self._revoked = found

    def _tidy(self, now: Now) -> None:
        """End the faces of passes that are over, then forget those; never by a clock that may be years ahead."""
        if now.mono >= self._heed_at:
            self._heed_at = now.mono + HEED_EVERY_S
            self._heed()
        if now.mono >= self._receipts_at:
            self._receipts_at = now.mono + RECEIPTS_EVERY_S
            self._spending.give_back()
            self._give()
        if not now.trusted or now.mono < self._tidy_at:
            return
        self._tidy_at = now.mono + TIDY_EVERY_S
        self._lately = {id_: each for id_, each in self._lately.items() if now.utc < each.until}
        with logged():
            book = Passbook(self._path)
            for issued in book.issued():
                if issued.face and issued.valid_until <= now.utc and not issued.revoked:
                    self._destroy(issued)
                    book.revoke(issued.id, issued.valid_until)
            book.forget(now.utc)
            self._retain(self._today())

    def _give(self) -> None:
        """Tell whose templates were destroyed; owed until that is on the disk, so rather twice than never."""
        with logged():
            book = Passbook(self._path)
            while not self._recorded.empty():
                book.given(self._receipts.pop(self._recorded.get()))
            owed = set(book.owed()).difference(self._receipts.values())
            for person in destroyed(owed, self._config, self._credentials, self._today()):
                ticket = min(self._receipts, default=0) - 1
                self._receipts[ticket] = person
                self._put(TemplateDestroyed(person, ticket))

    def _retain(self, today: date) -> None:
        """Once a day: a gate that keeps its own list erases whose last day is over, with a receipt; not beside it."""
        if self._config.drill.rehearsal:
            return
        if self._config.whitelist.source == "local" and today != self._retained:
            carry_out(self._config, self._credentials, today)
            self._retained = today

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock().utc, self._config.calendar.zone).date()

    def _destroy(self, issued: Issued) -> None:
        """A desk ends its own records, by their retention date; here it is the file of this gate."""
        if self._config.whitelist.source != "local":
            return
        people = Whitelist.of(self._config, self._credentials, write=True)
        today = self._today()
        if any(each.id == issued.id and each.templates for each in people.people(today)):
            Passbook(self._path).owe(issued.id)
            people.erase(issued.id)
