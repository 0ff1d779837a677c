"""The outbox: every event of this gate on its disk, numbered without gaps, until the recorder has committed it.

One thread writes, many events a commit; `append` never waits for it. What cannot be written stays in memory in its
order and is tried again. Alarms are always kept; when `capacity` is reached the oldest other events give way and
an `EventsLost` in their place says which. Undelivered events of a damaged file are carried over where readable.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from edge.delivery import Verdict
from edge.errors import in_english
from edge.eventlog import Beginning, EventLog, Pending
from edge.facts import Fact, Recorded, StorageReported
from edge.i18n import N_
from edge.logfile import LogError, Reader, Stored
from edge.salvage import forget, keep, salvage, set_aside, waiting
from edge.terms import Now, Storage
from edge.transport import Ack, Backlog, Event

DROPPED = N_("events between {first} and {last} were dropped, alarms kept")
GROUP = 512
"""Most events in one commit."""
WAITING = 10_000
"""Most events in memory, while the disk does not answer."""
SLOW_S = 0.25
"""A commit that takes longer makes the storage slow; a gate's grant waits no longer for its record."""
SLOW_FOR_S = 10.0
"""How long the storage counts as slow after a slow commit."""
RETRY_S = 0.5
DAY_S = 86_400.0
DAMAGED_S = 30 * DAY_S
"""For so long whoever wants to know what happened to a log finds it; what was whole in it went on in the next."""


class Outbox:
    """Starts its writer at once; facts (`Recorded`, `StorageReported`) reach `report` from that thread, and a bug.

    `read`, `acknowledge` and `backlog` are for the one thread that sends.
    """

    def __init__(
        self,
        path: Path,
        site: str,
        gate: str,
        capacity: int,
        warn_at: float,
        report: Callable[[Fact | Exception], None],
    ) -> None:
        self._path, self._site, self._gate = path, site, gate
        self._capacity, self._warn_at, self._report = capacity, warn_at, report
        self._changed = threading.Condition()
        self._waiting: deque[Pending] = deque()
        self._acknowledged: tuple[str, int] | None = None
        self._unrecorded = 0
        self._closing = threading.Event()
        self._log: EventLog | None = None
        self._renew: tuple[str, str] | None = None
        """The epoch of a log that cannot be used any more, and why."""
        self._reason = ""
        self._reader: tuple[str, Reader] | None = None
        self._slow_until, self._told = 0.0, (Storage.OK, "not opened")
        self._forget = self._forgotten = 0.0
        """Damaged logs that were kept before then may go (UTC seconds), and those that have gone."""
        self._begun: float | None = None
        """When the commit that is under way began."""
        self.backlog = Backlog("", 1, 0)
        """What is undelivered; no epoch until the file is open."""
        self.on_commit: Callable[[], None] = lambda: None
        """Called from the writer's thread when there is more to send."""
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def append(self, subject: str, event: Event, now: Now, ticket: int = 0) -> None:
        """Have an event recorded; with a ticket, `Recorded` tells when it is on the disk. Never blocks."""
        with self._changed:
            full = len(self._waiting) >= WAITING
            if full:
                self._unrecorded += 1
            else:
                self._waiting.append(Pending(subject, event, now, ticket))
            self._changed.notify()
        if full and ticket:
            self._report(Recorded(ticket, False))

    def look(self, now: Now) -> None:
        """Tell of a disk that does not answer, which the writer cannot until it does, and have old damaged logs go;
        for whoever has a heartbeat.
        """
        if now.trusted:
            self._forget = now.utc - DAMAGED_S
        with self._changed:
            begun, log = self._begun, self._log
            if log and begun is not None and time.monotonic() - begun > SLOW_S and self._told[0] is Storage.OK:
                self._tell(Storage.SLOW, _slow(), log.count)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is waiting, if the disk lets it be written, and stop. The sender must have stopped before."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._reader:
            self._reader[1].close()

    # The sender's side ---------------------------------------------------------------------------------------------

    def read(self, after: int, limit: int) -> list[Stored]:
        """Undelivered events after a sequence; none while the file cannot be read."""
        epoch = self.backlog.epoch
        try:
            reader = self._read_from()
            return reader.read(after, limit) if reader else []
        except LogError as error:
            self._damaged(error, epoch)
            return []

    def acknowledge(self, ack: Ack) -> Verdict:
        """Have everything up to `ack.sequence` forgotten, if the recorder committed what this gate wrote."""
        backlog = self.backlog
        if ack.epoch != backlog.epoch:
            return Verdict.FOREIGN
        if ack.sequence > backlog.last:
            self._ask(renew=(ack.epoch, "an older copy of the event log was restored"))
            return Verdict.WRONG
        if ack.sequence < backlog.first:
            return Verdict.KNOWN
        try:
            reader = self._read_from()
            digest = reader.hash_of(ack.sequence) if reader else None
        except LogError as error:
            self._damaged(error, backlog.epoch)
            return Verdict.KNOWN
        if digest is None:
            return Verdict.KNOWN
        if digest != ack.hash:
            return Verdict.WRONG
        self._ask(acknowledged=(ack.epoch, ack.sequence))
        return Verdict.PRUNED

    def _read_from(self) -> Reader | None:
        epoch = self.backlog.epoch
        if self._reader and self._reader[0] != epoch:
            self._reader[1].close()
            self._reader = None
        if not self._reader and epoch:
            self._reader = epoch, Reader(self._path)
        return self._reader[1] if self._reader else None

    def _damaged(self, error: LogError, epoch: str) -> None:
        if error.corrupt:
            self._ask(renew=(epoch, f"corruption ({error.fields['why']})"))

    def _ask(self, acknowledged: tuple[str, int] | None = None, renew: tuple[str, str] | None = None) -> None:
        with self._changed:
            self._acknowledged = acknowledged or self._acknowledged
            self._renew = self._renew or renew
            self._changed.notify()

    # The writer's thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._turn():
                with self._changed:
                    if not (self._waiting or self._renew or self._acknowledged or self._closing.is_set()):
                        self._changed.wait(1.0)
        except Exception as error:  # noqa: BLE001 - the top of this thread: the service must not go on without it
            self._report(error)
        self._shut()

    def _turn(self) -> bool:
        """Do what is waiting; False when that was the last."""
        closing = self._closing.is_set()
        with self._changed:
            batch, acknowledged = list(islice(self._waiting, GROUP)), self._acknowledged
            self._acknowledged = None
        try:
            self._write(self._opened(), batch, acknowledged)
            self._tidy()
        except LogError as error:
            self._failed(error, len(batch))
            return not closing
        return not closing or len(batch) == GROUP

    def _tidy(self) -> None:
        """Once a day."""
        if self._forget - self._forgotten >= DAY_S:
            self._forgotten = self._forget
            forget(self._path, self._forget)

    def _opened(self) -> EventLog:
        wanted, self._renew = self._renew, None
        if wanted and not (self._log and wanted[0] != self._log.epoch):  # else it was said of a log that is gone
            self._shut()
            set_aside(self._path)
            self._reason = wanted[1]
        if not self._log:
            aside = waiting(self._path)
            self._log = EventLog(self._path, self._site, self._gate, lambda: self._beginning(aside))
            keep(aside, self._path, self._log.epoch)
        return self._log

    def _beginning(self, aside: list[Path]) -> Beginning:
        if not aside:
            return Beginning(self._reason or "first start")
        saved, found = salvage(aside)
        return Beginning(
            f"{self._reason or in_english('the gate ended while a log was set aside')}; {found}", tuple(saved)
        )

    def _shut(self) -> None:
        if self._log:
            self._log.close()
        self._log = None

    def _write(self, log: EventLog, batch: list[Pending], acknowledged: tuple[str, int] | None) -> None:
        self._begun = begun = time.monotonic()
        try:
            dropped = self._commit(log, batch, acknowledged)
        finally:
            self._begun = None
        if time.monotonic() - begun > SLOW_S:
            self._slow_until = time.monotonic() + SLOW_FOR_S
        with self._changed:
            for _ in batch:
                self._waiting.popleft()
        self._written(log, batch, dropped)

    def _commit(
        self, log: EventLog, batch: list[Pending], acknowledged: tuple[str, int] | None
    ) -> tuple[int, int] | None:
        """The first and last sequence that had to give way, if any had to."""
        if acknowledged and acknowledged[0] == log.epoch:
            log.prune(acknowledged[1])
        excess = log.count + len(batch) - self._capacity
        dropped = log.thin(max(excess, self._capacity // 100)) if excess > 0 else None
        if batch:
            log.append(batch)
        return dropped

    def _written(self, log: EventLog, batch: list[Pending], dropped: tuple[int, int] | None) -> None:
        news, self.backlog = self.backlog != log.backlog, log.backlog
        for item in batch:
            if item.ticket:
                self._report(Recorded(item.ticket, True))
        if news:
            self.on_commit()
        self._tell(*self._state(log.count, dropped), log.count)

    def _state(self, count: int, dropped: tuple[int, int] | None) -> tuple[Storage, str]:
        """How the storage is; once nearly full, it stays so until a tenth less is in it."""
        if dropped:
            return Storage.FULL, in_english(DROPPED, first=dropped[0], last=dropped[1])
        was_full = self._told[0] is Storage.FULL
        if count >= self._warn_at * self._capacity * (0.9 if was_full else 1.0):
            return Storage.FULL, self._told[1] if was_full else in_english(
                "near its capacity: the recorder does not keep up"
            )
        if time.monotonic() < self._slow_until:
            return Storage.SLOW, _slow()
        unrecorded, self._unrecorded = self._unrecorded, 0
        return Storage.OK, in_english("{count} events could not be recorded", count=unrecorded) if unrecorded else ""

    def _tell(self, state: Storage, detail: str, count: int) -> None:
        with self._changed:  # or what is told last may not be what is true
            if self._told == (state, detail):
                return
            self._told = state, detail
            self._report(StorageReported(state, count, self._capacity, detail))

    def _failed(self, error: LogError, tried: int) -> None:
        """Begin anew if the file is damaged, else try again later; whoever waits for a record is told now."""
        if error.corrupt:
            self._damaged(error, self._log.epoch if self._log else "")
            return
        with self._changed:
            tickets = [self._waiting[place].ticket for place in range(tried)]
            for place in range(tried):
                self._waiting[place] = self._waiting[place]._replace(ticket=0)
        for ticket in filter(None, tickets):
            self._report(Recorded(ticket, False))
        self._tell(error.state, str(error), self._log.count if self._log else 0)
        if error.state is Storage.FAILED:
            self._shut()
        self._closing.wait(RETRY_S)


def _slow() -> str:
    return in_english("a commit took longer than {seconds} s", seconds=SLOW_S)
