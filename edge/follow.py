"""A gate's end of the desk's whitelist: hears the broker, keeps what is believed, and swaps in what is whole.

A thread with a connection of its own, so that a list of thousands on its way delays no event. What the broker does
not show is asked for again; what it shows wrongly is reported, signed, until the truth has come.
"""

import contextlib
import logging
import math
import secrets
import time
from collections.abc import Iterable
from datetime import date

from edge import sitetable
from edge.clock import Calendar, Clock, LeastTime
from edge.config import Config, Credentials
from edge.errors import EdgeError, Phrase, StoreError
from edge.facts import WhitelistLoaded
from edge.kept import MARK, STORE, checker
from edge.lasting import Lasting
from edge.link import Link
from edge.lone import Loaded, Table, WhitelistSource, told
from edge.matcher import NOBODY
from edge.mqtt import Connection, Lost, Message
from edge.opened import Opener
from edge.outcomes import Adopt, Answered, Bury, Keep, Outcome, Unlock
from edge.packs import Manifest
from edge.pager import LOOK_EVERY_S, PAGE_QOS, Pager
from edge.records import Entry, Kind, Report, Topics, encode
from edge.roster import Roster
from edge.session import address
from edge.signet import GATE_OPENS, GATE_SIGNS, Stamp, read_key
from edge.sources import Put, Source
from edge.terms import Status
from edge.vault import MarkFile, opened
from edge.whitelist import Whitelist

log = logging.getLogger(__name__)

BATCH = 500
"""Most messages that are taken in before they are committed."""
TURN_S = 0.25
REPORT_EVERY_S = 20.0
"""How often the report is said again though nothing changed: the desk's sign of life."""


def whitelist_source(config: Config, credentials: Credentials, pack: Manifest, put: Put) -> Source:
    """Where this gate's whitelist comes from."""
    if config.whitelist.source == "desk":
        return Follower(config, credentials, pack, put, Clock())
    today = Calendar.of(config).today
    return WhitelistSource(Whitelist.of(config, credentials), pack, config.access.fpir, config.state, today, put)


class Follower(Source):
    """Puts `Loaded` on the gate's queue whenever another list is to be used."""

    def __init__(self, config: Config, credentials: Credentials, pack: Manifest, put: Put, clock: Clock) -> None:
        super().__init__("whitelist", put)
        self._calendar, self._day = Calendar.of(config, clock), date.min
        self._least = LeastTime(config.state / "last-time", clock)
        self._config, self._credentials, self._pack = config, credentials, pack
        self._topics = Topics(config.gate.site)
        self._check = checker(credentials)
        self._stamp = Stamp(read_key(credentials.path(GATE_SIGNS)))
        self._opener_key = read_key(credentials.path(GATE_OPENS))
        self._mark = MarkFile(config.state / MARK)
        self._link = Link(stale_after_s=math.inf)
        self._said: tuple[object, ...] = ()
        self._reported: tuple[object, ...] = ()
        self._reported_at = -math.inf
        self._lasting = Lasting()
        self._renewed = ""
        self._graves: dict[str, int] = {}
        self._unclean = False
        """Whether the write-ahead log may hold what was destroyed."""

    def listen(self) -> None:
        self._resume()
        while not self._stopped.is_set():
            now = time.monotonic()
            try:
                if self._link.due(now):
                    self._link.tried()
                    self._serve()
                else:
                    self._tell()
                    self._stopped.wait(min(TURN_S, (self._link.next_try or now) - now))
            except Lost as lost:
                self._link.failed(lost.status, time.monotonic(), str(lost))
            except StoreError as error:
                log.warning("%s", error)
                self._link.failed(Status.ENDED, time.monotonic(), str(error))
                self._graves = dict(self._roster.graves)
                self._vault.close()
                self._resume()
            except EdgeError as error:
                self._link.failed(Status.UNAUTHORIZED, time.monotonic(), str(error))

    def _resume(self) -> None:
        """Begin with what the store holds, as far as it is signed and no older than the mark."""
        self._said = ()
        found = opened(self._config.state / STORE)
        self._vault, self._renewed = found.vault, found.renewed or self._renewed
        nonce, gate = secrets.token_hex(16), self._config.gate.name
        self._roster = Roster(self._topics.site, gate, self._check, self._mark.read(), nonce)
        self._opener = Opener(self._pack.id, self._pack.dimension, self._opener_key)
        documents = self._vault.documents()
        if message := documents.pop(self._topics.keys(gate), None):
            self._apply(self._roster.feed(self._topics.keys(gate), message))
        self._roster.resume(documents, self._vault.tombstones(), found.held)
        self._roster.graves.update(self._graves)
        self._open(entry for entry in self._roster.running.values() if entry.id not in self._roster.graves)
        self._load()

    # One connection -------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        where = address(self._config.broker, self._credentials)
        gate = self._config.gate.name
        always = [self._topics.manifest, self._topics.index, self._topics.keys(gate), self._topics.answer(gate)]
        connection = Connection(where, always, needs_all=True)
        self._link.up(time.monotonic(), Status.CONNECTED)
        self._reported_at, pager = -math.inf, Pager(self._topics)
        busy = False
        try:
            while not self._stopped.is_set():
                busy = self._hear(connection, 0.0 if busy else TURN_S if pager.done else LOOK_EVERY_S)
                self._tell()
                wanted = pager.wanted(self._roster.holding, time.monotonic())
                connection.subscribe(wanted.documents)
                connection.subscribe(wanted.pages, PAGE_QOS)
                self._report(connection)
        finally:
            with contextlib.suppress(StoreError):
                self._vault.commit()
        connection.close()

    def _hear(self, connection: Connection, timeout_s: float) -> bool:
        """Take in what has arrived and make it durable; whether there may be more at once."""
        messages = connection.turn(timeout_s)
        count = 0
        while messages and count < BATCH:
            for message in messages:
                self._take(connection, message)
            count += len(messages)
            messages = connection.turn(0.0)
        for message in messages:
            self._take(connection, message)
        self._vault.commit()
        if not count and self._unclean:
            self._unclean = False
            self._vault.scrub()
        return count > 0

    def _take(self, connection: Connection, message: Message) -> None:
        graves = len(self._roster.graves)
        self._apply(self._roster.feed(message.topic, message.payload))
        if len(self._roster.graves) > graves:
            self._report(connection)  # before anything else: somebody waits for this word

    def _apply(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Keep():
                    self._vault.begin()
                    self._vault.keep(outcome.entry, outcome.message)
                case Bury():
                    self._bury(outcome)
                case Adopt():
                    self._adopt(outcome)
                case Unlock():
                    self._unlock(outcome)
                case Answered():
                    self._mark.write(self._roster.mark)

    def _bury(self, outcome: Bury) -> None:
        """Out of the gallery first, then off the disk."""
        person = outcome.tombstone.id
        self._opener.remove(person)
        self._load()
        self._vault.begin()
        self._vault.bury(person, outcome.tombstone.revision, outcome.message)
        self._vault.commit()
        self._unclean = True

    def _adopt(self, outcome: Adopt) -> None:
        """Durable, with the mark, before it is used."""
        for person in outcome.drop:
            self._opener.remove(person)
        self._open(outcome.put)
        self._vault.begin()
        self._vault.adopt(outcome.documents, outcome.discard, self._roster.graves)
        self._vault.commit()
        if not self._roster.nonce:
            self._mark.write(self._roster.mark)
        self._unclean = self._unclean or bool(outcome.discard)
        self._load()

    def _unlock(self, outcome: Unlock) -> None:
        topic = self._topics.keys(self._config.gate.name)
        try:
            self._opener.unlock(outcome.keys)
        except EdgeError as error:
            self._roster.problems[f"keys/{self._config.gate.name}"] = str(error.message)
            return
        self._vault.begin()
        self._vault.document(topic, outcome.message)
        running = self._roster.running
        self._open([running[person] for person in self._opener.problems if person in running])
        if self._said:
            self._load()

    def _open(self, entries: Iterable[Entry]) -> None:
        """Have these people searched, as far as the store has their records."""
        for entry in entries:
            if message := self._vault.record(entry):
                self._opener.put(entry.id, message)

    # What is told ---------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Give the gate what it is to search now."""
        self._turn_day()
        problem, notice = self._standing()
        self._said = self._roster.revision, problem, notice, sitetable.stamp(self._config.state)
        try:
            table = Table.of(self._config.state, self._pack)
        except StoreError as error:
            problem = str(error)
        if problem:
            self._put(Loaded(None, WhitelistLoaded(0, 0, NOBODY, 0.0, problem, stale=self._stale())))
            return
        gallery, fpir = self._opener.gallery(self._roster.revision), self._config.access.fpir
        fact = told(gallery, len(self._opener), table, fpir, self._opener.likeness(fpir), notice)
        self._put(Loaded(gallery, fact, dict(self._opener.permits)))

    def _tell(self) -> None:
        """What time alone changes: a last day is over, a list was not renewed, the desk has answered."""
        now = self._roster.revision, *self._standing(), sitetable.stamp(self._config.state)
        if self._turn_day() or self._said != now:
            self._load()

    def _turn_day(self) -> bool:
        """Leave out whose last day is over, and have back whom a clock that was ahead had ended; whether anybody."""
        before, self._day = self._day, self._calendar.today()
        if back := self._day < before:
            known = self._opener.permits.keys() | self._opener.problems.keys()
            self._open(entry for entry in self._roster.running.values() if entry.id not in known)
        return self._opener.expire(self._day) or back

    def _standing(self) -> tuple[str, str]:
        """Why the list may not be used, and what is to be told about one that is."""
        if trouble := self._roster.trouble:
            return str(trouble), ""
        if self._stale():
            text = str(Phrase("the whitelist was not renewed in time; the desk has been silent"))
            return (text, "") if self._config.degraded.whitelist_stale == "refuse" else ("", text)
        return "", ""

    def _stale(self) -> bool:
        """Whether the desk has, for certain, not renewed the list in time."""
        manifest = self._roster.adopted or self._roster.holding.manifest
        least = self._least.now(manifest.issued if manifest else 0.0)
        return not self._roster.trouble and manifest is not None and manifest.expires < least

    def _report(self, connection: Connection) -> None:
        """Say what this gate runs, at every change and now and then."""
        now, roster = time.monotonic(), self._roster
        problems = self._problems(now)
        content = roster.revision, roster.nonce, tuple(roster.graves.items()), tuple(problems.items())
        manifest = roster.adopted
        if content == self._reported and now - self._reported_at < REPORT_EVERY_S:
            return
        self._reported, self._reported_at = content, now
        report = Report(
            self._topics.site, self._config.gate.name, roster.revision, manifest.issued if manifest else 0.0,
            len(roster.running), time.time(), self._pack.id, roster.nonce, dict(roster.graves), problems,
            self._check.trusts,
        )  # fmt: skip
        message = self._stamp.sign(Kind.REPORT, encode(report))
        connection.publish(Message(self._topics.report(self._config.gate.name), message, retain=True))

    def _problems(self, now: float) -> dict[str, str]:
        """What has been wrong for a while."""
        found = {**self._roster.problems, **{person: str(why) for person, why in self._opener.problems.items()}}
        if self._renewed:
            found["store"] = self._renewed
        return self._lasting.told(found, now)
