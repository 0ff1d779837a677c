"""The receiving side: commits the events of all gates and says so, signed; only then does a gate forget them.

One thread does everything: receive, commit a batch, acknowledge. Whatever happens to broker, disk or process, it
begins again from what is committed.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.errors import SealError, StoreError, in_english
from edge.i18n import N_
from edge.mqtt import Address, Connection, Lost, Message
from edge.seal import Signer, own_signing_key
from edge.transport import ACK_TYPE, DELIVERY, Ack, Channel, Presence, topic
from monitor.database import Database
from monitor.ledger import Ledger, Recorded, Refused
from monitor.stream import (
    EPOCH,
    LARGEST,
    Flaw,
    Problem,
    Received,
    Stream,
    Unacceptable,
    decoded,
    gate_of,
    is_dated,
    parse,
)

TOPICS = [topic("+", "+", channel) for channel in (Channel.EVENT, Channel.ALARM, Channel.STATE, Channel.HEALTH)]
GROUP_S = 0.05
"""How long a batch is gathered before it is committed."""
GROUP = 500
GAP_S = 1.0
"""How long an event may be overtaken by later ones before it is asked for, at first."""
TELL_AFTER = 2
"""Asked for so often, missing events are worth an alarm."""
PATIENCE_S = 60.0
RETRY_S = 1.0

Say = Callable[..., None]
"""Told a message template and its fields."""
Place = tuple[str, str, str]


class Audience:
    """Who is told, in the recorder's thread, what it has committed and heard; this one does not listen."""

    def committed(self, recorded: list[Recorded], problems: list[Problem]) -> None: ...
    def state(self, site: str, gate: str, presence: Presence) -> None: ...
    def health(self, site: str, gate: str, health: dict[str, object]) -> None: ...
    def connected(self, publish: Callable[[Message], None]) -> None:
        """The broker is there; `publish` may be used within the calls of this thread until the link is lost."""

    def unreadable(self, where: str, reason: str) -> None:
        """A message was put into quarantine, or not all of it can be read."""

    def awaits(self, site: str, gate: str, first: int, last: int) -> None:
        """A gate was asked for events again and again, and has not sent them."""

    def link(self, why: str) -> None:
        """The broker is out of reach, and why; connected when empty."""

    def turn(self) -> None:
        """Called again and again, also when nothing arrives."""


def signing_key(path: Path, say: Say) -> Signer:
    """The recorder's key, made on first use; SealError when it cannot be used."""
    try:
        key = own_signing_key(path)
    except OSError as error:
        hint = "name another file with --key, or run it as the user who may write there"
        raise SealError("{path} cannot be written: {why}", hint, path=path, why=error.strerror) from error
    say("gates accept acknowledgements from this recorder with the credential {path}", path=path.with_suffix(".pub"))
    return Signer(key, ACK_TYPE)


class Recorder:
    """Runs until stopped. `say` is called at each thing worth telling."""

    def __init__(
        self, address: Address, database: Path | Database, key: Path, say: Say, audience: Audience | None = None
    ) -> None:
        self._address, self._database, self.say = address, database, say
        self._audience = audience or Audience()
        self._signer = signing_key(key, say)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Record until `stop`; StoreError when the database cannot be opened to begin with."""
        database = self._database if isinstance(self._database, Database) else Database(self._database)
        said = ""
        while not self._stopped.is_set():
            try:
                self._serve(Ledger(database))
            except (Lost, StoreError) as error:
                if str(error) != said:
                    self.say("{error}", error=error)
                said = str(error)
                self._audience.link(said)
                self._stopped.wait(RETRY_S)
        database.close()

    def stop(self) -> None:
        """End `run` after the batch in hand; from any thread or signal handler."""
        self._stopped.set()

    def _serve(self, ledger: Ledger) -> None:
        connection = Connection(self._address, TOPICS)
        text, events = "recording from {host}:{port}, {events} events so far", ledger.totals().events
        self.say(text, host=self._address.host, port=self._address.port, events=events)
        desk = Desk(ledger, self._signer, connection.publish, self.say, self._audience)
        desk.greet()
        self._audience.connected(connection.publish)
        self._audience.link("")
        while not self._stopped.is_set():
            self._gather(connection, desk)
            desk.settle(time.monotonic())
            self._audience.turn()
        connection.close()

    def _gather(self, connection: Connection, desk: "Desk") -> None:
        until, number = time.monotonic() + GROUP_S, 0
        while number < GROUP and (left := until - time.monotonic()) > 0:
            for message in connection.turn(left):
                desk.receive(message.topic, message.payload)
                number += 1


class Asked:
    """When to ask again for what is missing: never twice for the same at once."""

    def __init__(self) -> None:
        self.expected, self.at, self.wait, self.times = -1, 0.0, GAP_S, 0

    def due(self, sequence: int, now: float) -> bool:
        """Whether to ask for what follows `sequence`, which has been missing since this was first called."""
        if sequence != self.expected:
            self.expected, self.at, self.wait, self.times = sequence, now + GAP_S, GAP_S, 0
        if now < self.at:
            return False
        self.times += 1
        self.wait = min(2 * self.wait, PATIENCE_S)
        self.at = now + self.wait
        return True


class Desk:
    """Sorts what arrives into streams; `settle` commits it and acknowledges."""

    def __init__(
        self,
        ledger: Ledger,
        signer: Signer,
        publish: Callable[[Message], None],
        say: Say,
        audience: Audience | None = None,
    ) -> None:
        self._ledger, self._signer, self._publish, self.say = ledger, signer, publish, say
        self._audience = audience or Audience()
        self._streams: dict[Place, Stream] = {(s.site, s.gate, s.epoch): s for s in ledger.streams()}
        self._current = {(s.site, s.gate): s for s in self._streams.values()}
        self._first: dict[Place, int] = {}
        self._asked: dict[Place, Asked] = {}
        self._ready: list[Received] = []
        self._moved: dict[Place, Stream] = {}
        self._duplicates: Counter[Place] = Counter()
        self._problems: list[Problem] = []
        self._refused: list[Refused] = []

    def greet(self) -> None:
        """Tell every known gate what is recorded, and to go on from there."""
        for stream in self._current.values():
            self._acknowledge(stream, resend=True)

    def receive(self, where: str, payload: bytes) -> None:
        """Take in one message; what is no event or state of its gate is put into quarantine."""
        try:
            if where.endswith(f"/{Channel.STATE}"):
                self._heard(where, payload)
            elif where.endswith(f"/{Channel.HEALTH}"):
                self._audience.health(*gate_of(where), decoded(payload, dict[str, object]))
            else:
                self._take(parse(where, payload))
        except Unacceptable as error:
            self._refused.append(Refused(where, str(error), payload[:LARGEST]))

    def _heard(self, where: str, payload: bytes) -> None:
        site, gate = gate_of(where)
        presence = decoded(payload, Presence)
        self._audience.state(site, gate, presence)
        backlog = presence.backlog
        if backlog is None or not backlog.epoch:
            return
        if not EPOCH.fullmatch(backlog.epoch):  # a retained one that no database takes would stop every other gate's
            raise Unacceptable(in_english("its epoch is not what a gate writes"))
        place = (site, gate, backlog.epoch)
        self._first[place] = backlog.first
        if place not in self._streams:
            self._acknowledge(self._stream(place), resend=True)

    def _stream(self, place: Place) -> Stream:
        """The stream of an epoch; a new one is adopted, and named when the gate had another before."""
        if place not in self._streams:
            site, gate, epoch = place
            stream = self._streams[place] = self._moved[place] = Stream(site, gate, epoch)
            if before := self._current.get((site, gate)):
                detail = f"before: {before.epoch}, recorded: {before.sequence}"
                self._problems.append(Problem(site, gate, epoch, Flaw.EPOCH, 0, 0, detail))
            self._current[site, gate] = stream
        return self._streams[place]

    def _take(self, received: Received) -> None:
        place = (received.site, received.gate, received.epoch)
        stream = self._stream(place)
        if received.last <= stream.sequence:
            self._duplicates[place] += 1
            if not self._ledger.is_recorded(received):
                detail = N_("another event with this sequence is recorded")
                self._problems.append(Problem(*place, Flaw.CONFLICT, received.first, received.last, detail))
            return
        self._collect(place, stream.take(received))

    def _collect(self, place: Place, ready: list[Received]) -> None:
        stream = self._streams[place]
        if ready:
            self._ready += ready
            self._moved[place] = stream
        self._problems += stream.problems
        stream.problems.clear()

    def settle(self, now: float) -> None:
        """Commit what is ready, then acknowledge it; ask for what is missing."""
        gaps = [place for place, stream in self._streams.items() if stream.waiting]
        for place in gaps:
            self._collect(place, self._streams[place].skip(self._first.get(place, 0)))
        self._commit()
        for place in gaps:
            stream, asked = self._streams[place], self._asked.setdefault(place, Asked())
            if stream.waiting and asked.due(stream.sequence, now):
                self._acknowledge(stream, resend=True)
                if asked.times == TELL_AFTER:
                    self._audience.awaits(stream.site, stream.gate, stream.sequence + 1, stream.waiting - 1)

    def _commit(self) -> None:
        if self._moved or self._problems or self._duplicates:
            moved = self._moved.values()
            recorded = self._ledger.commit(self._ready, moved, self._problems, self._duplicates)
            self._audience.committed(recorded, self._problems)
            self._tell_undated(recorded)
        if self._refused:
            self._ledger.quarantine(self._refused)
        for place in self._moved.keys() | self._duplicates.keys():
            self._acknowledge(self._streams[place])
        for found in self._problems:
            text = "{site}/{gate}: events {first} to {last} of {epoch}: {kind}: {detail}"
            self.say(text, **msgspec.structs.asdict(found))
        for refused in self._refused:
            self.say("refused a message on {topic}: {reason}", topic=refused.topic, reason=refused.reason)
            self._audience.unreadable(refused.topic, refused.reason)
        for emptied in (self._ready, self._moved, self._problems, self._duplicates, self._refused):
            emptied.clear()

    def _tell_undated(self, recorded: list[Recorded]) -> None:
        """It is kept as it came, and found by when that was."""
        for received in (each.received for each in recorded if not is_dated(each.received.event)):
            where = topic(received.site, received.gate, Channel.EVENT)
            text = "the time of event {id} cannot be read, so that of its arrival counts"
            reason = in_english(text, id=received.event.id)
            self.say("{topic}: {reason}", topic=where, reason=reason)
            self._audience.unreadable(where, reason)

    def _acknowledge(self, stream: Stream, resend: bool = False) -> None:
        ack = Ack(stream.site, stream.gate, stream.epoch, stream.sequence, stream.hash, resend)
        token = self._signer.sign(msgspec.structs.asdict(ack))
        self._publish(Message(topic(stream.site, stream.gate, Channel.ACK), token.encode(), *DELIVERY[Channel.ACK]))
