"""The gate's link to the broker: delivers the outbox, publishes state and health, listens to the recorder.

One thread of its own; what other threads ask for is handed to it. A PUBACK only ends retransmission: events are
kept and sent again until the recorder's signed acknowledgement of them has arrived.
"""

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from edge.commands import TELL_EVERY_S, Commands
from edge.config import BrokerSection, Config, Credentials
from edge.delivery import Delivery, Verdict
from edge.errors import EdgeError, SealError
from edge.facts import BrokerReported, CommandsRefused, Fact
from edge.flood import Tally
from edge.link import Link
from edge.mqtt import CONNECT_S, Address, Connection, Lost, Message
from edge.seal import Verifier, load_key
from edge.terms import Status
from edge.transport import ACK_TYPE, DELIVERY, Ack, Backlog, Channel, Listening, Presence, topic

BATCH = 100
"""Most events handed to the connection between two looks at what has arrived."""
UNCONFIRMED = 1_000
"""So many publishes without a PUBACK, and no event is added to them."""
PATIENCE_S = 5.0
"""How long to wait for the recorder's progress before sending again."""
SLEEP_S = 1.0
GOODBYE_S = 2.0
LARGEST_ACK = 4_096


class Row(Protocol):
    """An event of the outbox."""

    @property
    def sequence(self) -> int: ...
    @property
    def channel(self) -> Channel: ...
    @property
    def payload(self) -> bytes: ...


class Source(Protocol):
    """The outbox, as the broker's thread uses it."""

    backlog: Backlog
    on_commit: Callable[[], None]

    def read(self, after: int, limit: int) -> Sequence[Row]: ...
    def acknowledge(self, ack: Ack) -> str: ...


def address(section: BrokerSection, credentials: Credentials) -> Address:
    """Where the broker is, with the secrets; EdgeError when a credential is missing."""
    return Address(
        host=section.host,
        port=section.port,
        username=section.username,
        password=credentials.read(section.credential) if section.credential else "",
        ca_file=section.ca_file,
        certificate_file=section.certificate_file,
        key_file=credentials.path(section.key_credential) if section.key_credential else None,
        keepalive_s=section.keepalive_s,
    )


class Broker:
    """Publishes for one gate; `BrokerReported` reaches `report` from its thread at every change."""

    def __init__(
        self, config: Config, credentials: Credentials, outbox: Source, report: Callable[[Fact], None]
    ) -> None:
        self._config, self._credentials, self._outbox, self._report = config, credentials, outbox, report
        self._link = Link(stale_after_s=math.inf)
        self._state: dict[str, object] = {}
        self._health: dict[str, object] | None = None
        self._changed = False
        self._displays: dict[str, bytes] = {}
        self._closing = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        outbox.on_commit = self._nudge

    def start(self) -> None:
        self._thread.start()

    def publish_state(self, state: dict[str, object]) -> None:
        """Publish the gate's state, retained; the newest one is published again at every connection."""
        self._state, self._changed = state, True
        self._nudge()

    def health(self, health: dict[str, object]) -> None:
        """Publish measurements, with how delivery goes; only the newest is kept while there is no connection."""
        self._health = health
        self._nudge()

    def display(self, door: str, shown: bytes) -> None:
        """Publish what the display at a door shows; the newest a door, and nothing while there is no connection."""
        self._displays[door] = shown
        self._nudge()

    def close(self) -> None:
        """Publish what is waiting and that this gate is going offline, then disconnect."""
        self._closing.set()
        self._nudge()
        if self._thread.is_alive():
            self._thread.join(CONNECT_S + 3.0)

    def _nudge(self) -> None:
        os.eventfd_write(self._wake, 1)

    # The thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            now = time.monotonic()
            if not self._link.due(now):
                self._closing.wait((self._link.next_try or now) - now)
                continue
            try:
                self._link.tried()
                self._serve()
            except Lost as lost:
                self._down(lost.status, lost)
            except EdgeError as error:
                self._down(Status.UNAUTHORIZED, error)
            except Exception as error:  # noqa: BLE001 - the top of this thread, which must not end unseen
                self._down(Status.ENDED, f"{type(error).__name__}: {error}")

    def _down(self, status: Status, why: object) -> None:
        if self._link.failed(status, time.monotonic(), str(why)):
            self._report(BrokerReported(status, str(why)))

    def _serve(self) -> None:
        """One connection, from its beginning to its loss or our goodbye."""
        session = Session(self._config, self._credentials, self._outbox, self._report)
        if self._link.up(time.monotonic(), Status.CONNECTED):
            self._report(BrokerReported(Status.CONNECTED, session.refused))
        while not self._closing.is_set():
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            self._post(session)
            if session.turn(self._wake):
                self._report(BrokerReported(Status.CONNECTED, session.refused))
        self._post(session)
        session.goodbye()

    def _post(self, session: "Session") -> None:
        if self._changed or session.out_of_step:
            self._changed = session.out_of_step = False
            presence = Presence("online", self._outbox.backlog, session.listening, self._state)
            session.publish(Channel.STATE, msgspec.json.encode(presence))
        if (health := self._health) is not None:
            self._health = None
            session.publish(Channel.HEALTH, msgspec.json.encode(health | {"outbox": session.health()}))
        for door in list(self._displays):
            session.publish(Channel.DISPLAY, self._displays.pop(door))


class Session:
    """One connection, and what has been sent and acknowledged on it."""

    def __init__(
        self, config: Config, credentials: Credentials, outbox: Source, report: Callable[[Fact], None]
    ) -> None:
        self._site, self._gate, self._outbox, self._report = config.gate.site, config.gate.name, outbox, report
        self.refused = ""
        """Why the last acknowledgement was refused, or why none can be accepted."""
        self._verifier = self._recorder(credentials.path(config.outbox.recorder_key))
        self._delivery = Delivery(patience_s=PATIENCE_S if self._verifier else math.inf)
        self._epoch = ""
        self.out_of_step = True
        """The room does not know what this gate still keeps."""
        will = Message(self._topic(Channel.STATE), msgspec.json.encode(Presence("offline")), *DELIVERY[Channel.STATE])
        where = address(config.broker, credentials)
        self._commands = Commands(config, credentials, time.monotonic())
        self._refusals = Tally(TELL_EVERY_S, time.monotonic())
        self._connection = Connection(where, [self._topic(Channel.ACK), self._topic(Channel.COMMAND)], will)

    @property
    def listening(self) -> Listening | None:
        """What it takes to command this gate on this connection."""
        return self._commands.listening

    def publish(self, channel: Channel, payload: bytes) -> None:
        self._connection.publish(Message(self._topic(channel), payload, *DELIVERY[channel]))

    def turn(self, wake: int) -> bool:
        """Send what may be sent and take in what has arrived; True when an acknowledgement was refused."""
        busy = self._deliver()
        now = time.monotonic()
        refused = self.refused
        for message in self._connection.turn(
            0.0 if busy else min(SLEEP_S, max(0.0, self._delivery.deadline - now)), [wake]
        ):
            if message.topic == self._topic(Channel.COMMAND):
                self._commanded(message)
            else:
                self._acknowledged(message.payload)
        self._tell_refusals()
        self._delivery.expire(time.monotonic())
        self.out_of_step = self._commands.renewed(time.monotonic()) or self.out_of_step
        return self.refused != refused

    def health(self) -> dict[str, object]:
        """How delivery goes, for people."""
        backlog = self._outbox.backlog
        return {
            "undelivered": backlog.last - backlog.first + 1,
            "recorder_key": self._verifier is not None,
            "refused_acknowledgement": self.refused,
        }

    def goodbye(self) -> None:
        """Tell the room that this gate goes offline on purpose."""
        self.publish(Channel.STATE, msgspec.json.encode(Presence("offline")))
        deadline = time.monotonic() + GOODBYE_S
        while self._connection.unconfirmed and time.monotonic() < deadline:
            self._connection.turn(0.1)
        self._connection.close()

    def _deliver(self) -> bool:
        """Hand the next events to the connection; True when there may be more."""
        backlog = self._outbox.backlog
        if backlog.epoch != self._epoch:
            self._epoch, self.out_of_step = backlog.epoch, True
            self._delivery.begin(backlog.first - 1)
        after, number = self._delivery.next(backlog.last)
        if not number or self._connection.unconfirmed > UNCONFIRMED:
            return False
        rows = self._outbox.read(after, min(number, BATCH))
        for row in rows:
            self.publish(row.channel, row.payload)
        if rows:
            self._delivery.sent(rows[-1].sequence, time.monotonic())
        return bool(rows)

    def _acknowledged(self, token: bytes) -> None:
        if not self._verifier:
            return
        try:
            ack = msgspec.convert(self._verifier.verify(token[:LARGEST_ACK].decode("ascii", "replace")), Ack)
        except (SealError, msgspec.ValidationError) as error:
            self.refused = str(error)
            return
        if (ack.site, ack.gate) != (self._site, self._gate):
            self.refused = f"an acknowledgement for {ack.site}/{ack.gate} was refused"
            return
        verdict = self._outbox.acknowledge(ack)
        if verdict == Verdict.WRONG:
            self.refused = f"an acknowledgement of {ack.sequence} was refused: that is not what this gate wrote"
        elif verdict != Verdict.FOREIGN:
            self._delivery.acknowledge(ack.sequence, time.monotonic(), ack.resend)
            self.out_of_step = self.out_of_step or ack.resend

    def _commanded(self, message: Message) -> None:
        """Hand on a command; of refused ones only now and then how many there were."""
        try:
            self._report(self._commands.take(message.payload, message.retain, time.monotonic()))
            self.out_of_step = True
        except EdgeError as refused:
            self._refusals.add(str(refused), getattr(refused, "id", ""))

    def _tell_refusals(self) -> None:
        if told := self._refusals.due(time.monotonic()):
            self._report(CommandsRefused(*told))

    def _recorder(self, path: Path) -> Verifier | None:
        """What accepts the recorder's acknowledgements; without its key nothing is ever pruned."""
        try:
            return Verifier(load_key(path), ACK_TYPE)
        except SealError as error:
            self.refused = str(error)
            return None

    def _topic(self, channel: Channel) -> str:
        return topic(self._site, self._gate, channel)
