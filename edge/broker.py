"""The gate's link to the broker: delivers the outbox, publishes state and health, listens to the recorder.

One thread of its own; what other threads ask for is handed to it. A PUBACK only ends retransmission: events are
kept and sent again until the recorder's signed acknowledgement of them has arrived.
"""

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable

import msgspec

from edge.config import Config, Credentials
from edge.errors import EdgeError
from edge.facts import BrokerReported
from edge.link import Link
from edge.mqtt import CONNECT_S, Lost, Message
from edge.session import Heard, Session, Source
from edge.terms import Status
from edge.transport import Channel, Presence


class Broker:
    """Publishes for one gate; `BrokerReported` reaches `report` from its thread at every change, and whatever
    `edge.hearing` has heard."""

    def __init__(
        self,
        config: Config,
        credentials: Credentials,
        outbox: Source,
        report: Callable[[object], None],
        heard: Heard | None = None,
    ) -> None:
        self._config, self._credentials, self._outbox, self._report = config, credentials, outbox, report
        self.heard = heard
        self._kept: dict[str, Message] = {}
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

    def keep(self, topic: str, payload: bytes) -> None:
        """Publish a retained message, at once and again at every connection."""
        self._kept = {**self._kept, topic: Message(topic, payload, 1, True)}
        self._changed = True
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
        session = Session(self._config, self._credentials, self._outbox, self._report, self.heard)
        try:
            self._converse(session)
        finally:
            session.ended()

    def _converse(self, session: Session) -> None:
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

    def _post(self, session: Session) -> None:
        if self._changed or session.out_of_step:
            self._changed = session.out_of_step = False
            presence = Presence("online", self._outbox.backlog, session.listening, self._state)
            session.publish(Channel.STATE, msgspec.json.encode(presence))
            session.keep(self._kept)
        if (health := self._health) is not None:
            self._health = None
            session.publish(Channel.HEALTH, msgspec.json.encode(health | {"outbox": session.health()}))
        for door in list(self._displays):
            session.publish(Channel.DISPLAY, self._displays.pop(door))
