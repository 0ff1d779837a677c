"""`edge-gate desk run`: the one authority of a site. Issues every change, and sees that the broker holds the truth.

One thread: looks for changes, publishes, hears what the broker shows. Whatever differs from the desk's database is
published again, whatever does not belong there is removed; gates' signed reports are recorded.
"""

import logging
import math
import threading
import time
from datetime import UTC, datetime

from edge import backup, notify
from edge.authority import Authority
from edge.config import Credentials, DeskConfig
from edge.errors import EdgeError, OutdatedError
from edge.link import Link
from edge.mqtt import Address, Connection, Lost, Message
from edge.office import Gate
from edge.pager import PAGE_QOS
from edge.queueing import Counter
from edge.records import PAGES, Kind, Manifest, Report, decode, digest
from edge.session import address
from edge.signet import Checker
from edge.terms import Status

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.02
UNCONFIRMED = 500
"""So many publishes without a PUBACK, and no more are added."""
FENCE_S = 5.0
"""A page whose fence has not come back by then is asked for again."""
AGAIN_S = 1.0
"""How long a topic that was just repaired is left alone: a hostile writer makes no storm."""


class Desk:
    """Runs until stopped."""

    def __init__(self, config: DeskConfig, credentials: Credentials) -> None:
        self._config, self._credentials = config, credentials
        _settled(config)
        self.authority = Authority(config, credentials)
        self.topics, self.office = self.authority.topics, self.authority.office
        address(config.broker, credentials)  # what lacks now lacks for as long as this process runs
        self._link = Link(stale_after_s=math.inf)
        self._begins_anew = False
        self._stopped = threading.Event()
        self.gates: dict[str, Gate] = {}
        self.workstations: set[str] = set()
        self.expected: dict[str, bytes] = self.office.hashes()
        self.outgoing: dict[str, None] = {}
        self.counter = Counter(config, credentials)

    def stop(self) -> None:
        """End `run`; from any thread or signal handler."""
        self._stopped.set()

    def run(self) -> None:
        """Serve until `stop`; ready and alive also while there is no broker."""
        notify.ready()
        while not self._stopped.is_set():
            try:
                self._turn()
            except Lost as lost:
                if self._link.failed(lost.status, time.monotonic(), str(lost)):
                    log.warning("%s", lost)
            except OutdatedError:
                self._close()
                raise
            except EdgeError as error:
                self._begins_anew = True
                if self._link.failed(Status.ENDED, time.monotonic(), str(error)):
                    log.error("%s", error)
        notify.stopping()
        self._close()

    def _turn(self) -> None:
        """Serve the broker when it is time to try, and until then issue what changes, unless that has just failed."""
        now = time.monotonic()
        if self._link.due(now):
            if self._begins_anew:
                self._begin_anew()
            self._link.tried()
            self._serve()
            return
        if not self._begins_anew:
            self._look()
        notify.watchdog()
        self._stopped.wait(min(LOOK_EVERY_S * 5, max(0.0, (self._link.next_try or now) - now)))

    def _begin_anew(self) -> None:
        """Go on from what is on the disk: what failed may have been recorded without being told to the broker."""
        self.authority.reread()
        self.expected = self.office.hashes()
        self._begins_anew = False

    def _close(self) -> None:
        self.counter.close()
        self.authority.close()

    def _look(self) -> None:
        """Issue what has changed in the desk's own files."""
        self.workstations = {each.name for each in self.office.workstations()}
        if self.authority.rotated():
            self.gates = {}  # each is to be given the key
            self.authority.reseal()
        self._look_at_gates()
        self.authority.tidy()
        if self.authority.changed() or self.authority.due(time.time()):
            self._send(self.authority.issue())
        notify.watchdog()

    def _look_at_gates(self) -> None:
        """Wrap the content keys for every gate; one that was shut out has none any more."""
        gates = {gate.name: gate for gate in self.office.gates()}
        if gates == self.gates:
            return
        shut_out = [gate for gate in gates.values() if gate.revoked_at and self.topics.keys(gate.name) in self.expected]
        trusted = [gate for gate in gates.values() if not gate.revoked_at]
        self._send([self.authority.keys(gate) for gate in [*shut_out, *trusted]])
        self.gates = gates  # not before: what failed half-way is done again

    def _send(self, topics: list[str]) -> None:
        for topic in topics:
            message = self.office.message(topic)
            self.outgoing.pop(topic, None)
            self.outgoing[topic] = None
            if message:
                self.expected[topic] = digest(message)
            else:
                self.expected.pop(topic, None)

    # One connection --------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        session = Session(self, address(self._config.broker, self._credentials))
        self._link.up(time.monotonic(), Status.CONNECTED)
        looked = -math.inf
        while not self._stopped.is_set():
            if time.monotonic() - looked >= LOOK_EVERY_S:
                looked = time.monotonic()
                self._look()
            session.turn()
        session.close()


def _settled(config: DeskConfig) -> None:
    """OutdatedError or StoreError for a desk that was restored, or not wholly; none of its files is touched then."""
    if card := backup.pending(config):
        at = datetime.fromtimestamp(card.taken_at, UTC)
        hint = "let it learn what happened since: edge-gate desk recover"
        raise OutdatedError("this desk was restored from a backup of {at:%Y-%m-%d %H:%M} UTC", hint, at=at)


class Session:
    """One connection to the broker: what was compared, and what was repaired."""

    def __init__(self, desk: Desk, where: Address) -> None:
        self._desk, self._topics, self._office = desk, desk.topics, desk.office
        topics = self._topics
        self._fence = f"{topics.desk}/fence"
        asked = topics.request("+")
        always = [topics.manifest, topics.index, topics.keys("+"), topics.reports, asked, self._fence]
        self._connection = Connection(where, always, needs_all=True)
        self._seen: set[str] = set()
        self._repaired: dict[str, float] = {}
        self._later: dict[str, float] = {}
        self._compared, self._asked_at = -1, -math.inf

    def turn(self) -> None:
        """Compare, publish and hear a little."""
        self._compare()
        now = time.monotonic()
        for topic in [topic for topic, due in self._later.items() if due <= now]:
            del self._later[topic]
            self._desk.outgoing[topic] = None
        self._publish()
        for name, reply in self._desk.counter.replies():
            self._connection.publish(Message(self._topics.reply(name), reply))
        for message in self._connection.turn(0.0 if self._desk.outgoing else LOOK_EVERY_S):
            self._heard(message)

    def close(self) -> None:
        self._connection.close()

    def _compare(self) -> None:
        """Ask for the next page; a message of our own that comes back behind it says that all of it was shown."""
        if self._compared >= PAGES or time.monotonic() - self._asked_at < FENCE_S:
            return
        self._asked_at = time.monotonic()
        if self._compared >= 0:
            self._connection.subscribe([self._topics.folk(self._compared)], PAGE_QOS)
        self._connection.publish(Message(self._fence, str(self._compared).encode()))

    def _fenced(self, payload: bytes) -> None:
        """What should have been shown up to here and was not is published again."""
        if payload != str(self._compared).encode():
            return
        page = f"/people/{self._compared:02x}/" if self._compared >= 0 else ""
        expected = self._desk.expected
        missing = [t for t in expected if t not in self._seen and (page in t if page else "/people/" not in t)]
        self._desk.outgoing |= dict.fromkeys(missing)
        self._compared += 1
        self._asked_at = -math.inf

    def _publish(self) -> None:
        outgoing = self._desk.outgoing
        if self._compared < 0:
            return  # the broker may hold a later list than this desk knows of
        while outgoing and self._connection.unconfirmed < UNCONFIRMED:
            topic = next(iter(outgoing))
            del outgoing[topic]
            self._connection.publish(Message(topic, self._office.message(topic), retain=True))

    def _heard(self, message: Message) -> None:
        topic = message.topic
        if topic == self._fence:
            self._fenced(message.payload)
        elif self._topics.split(topic)[:1] == ["request"]:  # before the reports: whatever the workstation is called
            name = topic.rpartition("/")[2]
            self._desk.counter.hear(name, message.payload, name in self._desk.workstations)
        elif topic.endswith("/roster"):
            self._report(topic, message.payload)
        elif topic.startswith(f"{self._topics.desk}/"):
            self._shown(topic, message.payload)

    def _shown(self, topic: str, payload: bytes) -> None:
        """Compare what the broker shows with what it should hold."""
        expected = self._desk.expected.get(topic)
        if expected == (digest(payload) if payload else None):
            self._seen.add(topic)
            return
        if topic == self._topics.manifest and payload:
            self._not_overtaken(payload)
        now = time.monotonic()
        if topic in self._desk.outgoing:
            return  # the truth is on its way
        if now - self._repaired.get(topic, -math.inf) < AGAIN_S:
            self._later.setdefault(topic, now + AGAIN_S)
            return
        self._repaired[topic] = now
        self._desk.outgoing[topic] = None

    def _not_overtaken(self, payload: bytes) -> None:
        """A list of this desk's that its journal knows nothing of: the databases are older than what was issued."""
        try:
            signed = self._desk.authority.check(payload)
            theirs = decode(signed.payload, Manifest) if signed.kind == Kind.MANIFEST else None
        except (EdgeError, ValueError):
            return
        if theirs and theirs.site == self._topics.site and not self._desk.authority.knows(theirs):
            text = "the broker holds revision {revision} of this desk's list, of which its database knows nothing"
            hint = "let it learn what happened since: edge-gate desk recover"
            raise OutdatedError(text, hint, revision=theirs.revision)

    def _report(self, topic: str, payload: bytes) -> None:
        """A gate says what it runs, signed with its own key; anything else under its topic means nothing."""
        gate = self._desk.gates.get(topic.split("/")[-2])
        if gate is None or gate.revoked_at:
            return
        try:
            signed = Checker([gate.signs])(payload)
            report = decode(signed.payload, Report)
        except (EdgeError, ValueError):
            return
        if signed.kind != Kind.REPORT or (report.site, report.gate) != (self._topics.site, gate.name):
            return
        self._office.heard(report, payload, time.time())
        if report.nonce:
            self._connection.publish(Message(self._topics.answer(gate.name), self._desk.authority.answer(report)))
