"""The porter: takes what cameras read off codes, finds out whether it is a pass, and writes its uses down.

One thread with a queue of its own, since it waits for a disk and the gate must not. A pass reaches the gate as a
`PassShown`; a grant for one is counted before its record is written, so that no power cut gives a use back.
"""

import logging
import queue
from collections.abc import Callable

from msgspec import structs

from edge.config import Config, Credentials
from edge.doorevents import AccessGranted
from edge.errors import Phrase, StoreError
from edge.facts import Emit, PassShown, Recorded
from edge.passbook import BOOK, Passbook
from edge.passes import Passes, PassRefused, meant
from edge.sources import Put, Source
from edge.terms import Now, Pass, Reason
from edge.wire import Code

log = logging.getLogger(__name__)

WAITING = 64
"""Codes and grants that may wait; who holds up more is not heard, and the gate goes on."""
TURN_S = 0.5
FORGET_EVERY_S = 3_600.0

Append = Callable[[Emit, Now], None]


class Porter(Source):
    """`arrived` tells whether a person has a record here; `append` records an event, as the outbox does."""

    def __init__(
        self, config: Config, credentials: Credentials, put: Put, append: Append, arrived: Callable[[str], bool]
    ) -> None:
        super().__init__("porter", put)
        self._doors = {camera.name: camera.door for camera in config.camera}
        self._gate, self._path = config.gate.name, config.state / BOOK
        self._passes, self._append, self._arrived = Passes(config, credentials), append, arrived
        self._asked: queue.Queue[Code | tuple[Emit, Now]] = queue.Queue(WAITING)
        self._ends: dict[str, float] = {}
        """When the passes end that were shown lately, UTC seconds."""
        self._forget_at = 0.0

    def read(self, code: Code) -> None:
        """Find out what a code is; never blocks."""
        if meant(code.seen.text) and not self._asked.full():
            self._asked.put_nowait(code)

    def spend(self, granted: Emit, now: Now) -> None:
        """Count a use of the pass that was granted, then have the grant recorded; never blocks."""
        try:
            self._asked.put_nowait((granted, now))
        except queue.Full:
            self._put(Recorded(granted.ticket, False))

    def listen(self) -> None:
        while not self._stopped.is_set():
            try:
                asked = self._asked.get(timeout=TURN_S)
            except queue.Empty:
                continue
            if isinstance(asked, Code):
                self._put(self._shown(asked))
            else:
                self._count(*asked)

    def _shown(self, code: Code) -> PassShown:
        door = self._doors[code.camera]
        try:
            shown = self._known(self._passes.read(code.seen.text, self._gate))
            self._ends[shown.id] = shown.valid_until
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
        if shown.face and not self._arrived(shown.person):
            why = Phrase("it only counts with a face, and the record of that has not arrived here")
            raise PassRefused(Reason.CREDENTIAL_NOT_ENABLED, why)
        return structs.replace(shown, used=book.used(shown.id))

    def _count(self, granted: Emit, now: Now) -> None:
        event = granted.event
        assert isinstance(event, AccessGranted)
        try:
            book = Passbook(self._path)
            book.spend(event.credential, self._ends.get(event.credential, now.utc))
        except StoreError as error:
            log.warning("%s", error)
            self._put(Recorded(granted.ticket, False))
            return
        self._append(granted, now)
        if now.trusted and now.mono >= self._forget_at:  # by a clock that may be years ahead nothing is forgotten
            self._forget_at = now.mono + FORGET_EVERY_S
            book.forget(now.utc)
