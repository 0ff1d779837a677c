"""One connection of a gate to the broker, and what has been sent and acknowledged on it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from edge.config import BrokerSection, Config, Credentials
from edge.delivery import Delivery, Verdict
from edge.errors import SealError, in_english
from edge.hearing import Hearing
from edge.mqtt import Address, Connection, Message
from edge.seal import Verifier, load_key
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


class Heard(NamedTuple):
    """Who else listens: topics, and what is called with each message of them, from the broker's thread."""

    topics: Sequence[str]
    hear: Callable[[str, bytes], None]


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


class Session:
    """Made connected, or `Lost`; for the one thread that calls it."""

    def __init__(
        self,
        config: Config,
        credentials: Credentials,
        outbox: Source,
        report: Callable[[object], None],
        heard: Heard | None,
    ) -> None:
        self._heard, self._published = heard, dict[str, Message]()
        self._site, self._gate, self._outbox = config.gate.site, config.gate.name, outbox
        self.refused = ""
        """Why the last acknowledgement was refused, or why none can be accepted."""
        self._verifier = self._recorder(credentials.path(config.outbox.recorder_key))
        self._delivery = Delivery(patience_s=PATIENCE_S if self._verifier else math.inf)
        self._epoch = ""
        self.out_of_step = True
        """The room does not know what this gate still keeps."""
        will = Message(self._topic(Channel.STATE), msgspec.json.encode(Presence("offline")), *DELIVERY[Channel.STATE])
        where = address(config.broker, credentials)
        self._hearing = Hearing(config, credentials, report, time.monotonic())
        topics = [self._topic(Channel.ACK), *self._hearing.topics, *(heard.topics if heard else ())]
        self._connection = Connection(where, topics, will)

    @property
    def listening(self) -> Listening | None:
        """What it takes to command this gate on this connection, or to be heard as a reader."""
        return self._hearing.listening

    def publish(self, channel: Channel, payload: bytes) -> None:
        self._connection.publish(Message(self._topic(channel), payload, *DELIVERY[channel]))

    def keep(self, messages: Mapping[str, Message]) -> None:
        """Publish those of the retained messages that this connection has not published as they are."""
        for topic_, message in messages.items():
            if self._published.get(topic_) is not message:
                self._published[topic_] = message
                self._connection.publish(message)

    def turn(self, wake: int) -> bool:
        """Send what may be sent and take in what has arrived; True when an acknowledgement was refused."""
        busy = self._deliver()
        now = time.monotonic()
        refused = self.refused
        for message in self._connection.turn(
            0.0 if busy else min(SLEEP_S, max(0.0, self._delivery.deadline - now)), [wake]
        ):
            if message.topic == self._topic(Channel.ACK):
                self._acknowledged(message.payload)
            elif not self._hearing.hear(message, time.monotonic()) and self._heard:
                self._heard.hear(message.topic, message.payload)
        self._delivery.expire(time.monotonic())
        self.out_of_step = self._hearing.changed(time.monotonic()) or self.out_of_step
        return self.refused != refused

    def ended(self) -> None:
        """The connection is over, for whatever reason: the next one counts anew what it refuses."""
        self._hearing.ended()

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
            self.refused = in_english("an acknowledgement for {gate} was refused", gate=f"{ack.site}/{ack.gate}")
            return
        verdict = self._outbox.acknowledge(ack)
        if verdict == Verdict.WRONG:
            text = "an acknowledgement of {sequence} was refused: that is not what this gate wrote"
            self.refused = in_english(text, sequence=ack.sequence)
        elif verdict != Verdict.FOREIGN:
            self._delivery.acknowledge(ack.sequence, time.monotonic(), ack.resend)
            self.out_of_step = self.out_of_step or ack.resend

    def _recorder(self, path: Path) -> Verifier | None:
        """What accepts the recorder's acknowledgements; without its key nothing is ever pruned."""
        try:
            return Verifier(load_key(path), ACK_TYPE)
        except SealError as error:
            self.refused = str(error)
            return None

    def _topic(self, channel: Channel) -> str:
        return topic(self._site, self._gate, channel)
