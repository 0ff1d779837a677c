"""What the gate's own thread does with what is on its queue."""

import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from edge.doorevents import RequestToExit
from edge.eyes import Seen
from edge.facts import (
    CommandReceived,
    Heartbeat,
    PassShown,
    PinEntered,
    Recorded,
    StorageReported,
    TemplateDestroyed,
    WhitelistLoaded,
)
from edge.invitation import Wish, invite
from edge.lone import Loaded
from edge.matcher import Gallery
from edge.passbook import BOOK, Passbook
from edge.pins import stretched
from edge.presence import Cues
from edge.readers import Shown
from edge.service import Service
from edge.site import Site
from edge.terms import Candidate, CommandKind, Now, Pass, Permit, Quality, Storage
from edge.wire import Code, CodeRead, Observation
from tests.adapters.brokers import until

SEEN = Observation(7, 0.0, 0.0, Quality(80.0, 1.0, 0.0, 0.0, 0.5), Cues((0.9,)), np.eye(1, 8, dtype="<f4").tobytes())


class Counting(Gallery):
    """A list of one, and how often it was searched."""

    searches = 0

    def search(self, probe: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", at_least: float) -> Candidate | None:
        self.searches += 1
        return super().search(probe, at_least)


@pytest.fixture
def service() -> Iterator[Service]:
    root = Path("/tmp") / f"service-{secrets.token_hex(4)}"  # the path of a Unix socket must be short
    root.mkdir(mode=0o700)
    site = Site(root, root, broker_port=1, url="rtsp://127.0.0.1:1/x")
    degraded = structs.replace(site.config.degraded, clock_untrusted="accept")
    access = structs.replace(site.config.access, freshness_s=10.0)  # so long a slow machine may take for a test
    config = structs.replace(site.config, degraded=degraded, access=access)
    running = Service(config, site.credentials)
    running._start()
    until(lambda: running._outbox.backlog.epoch)
    yield running
    running._close()
    for source in running._sources:
        source.join(5)
    shutil.rmtree(root)


def test_a_view_that_can_open_nothing_any_more_costs_no_search(service: Service) -> None:
    """So an eye that sends more than can be searched for does not keep the exit button waiting behind its views."""
    service._gallery = gallery = Counting(np.eye(1, 8, dtype=np.float32), ("ann",), 1)
    camera = service.config.camera[0].name
    for age, searches in ((0.0, 1), (30.0, 1), (-30.0, 1), (0.0, 2)):
        service.handle(Seen(camera, structs.replace(SEEN, captured=time.monotonic() - age)))
        assert gallery.searches == searches, age


def test_a_disk_that_hangs_is_told_at_a_heartbeat(service: Service) -> None:
    def told() -> Storage:
        service.handle(Heartbeat())
        while not service._queue.empty():
            if isinstance(item := service._queue.get(), StorageReported):
                service.handle(item)
        return service.gate.state().storage

    with closing(sqlite3.connect(service.config.state / "outbox.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        service._outbox.append("main", RequestToExit(), Now(0.0, 0.0))
        until(lambda: told() is not Storage.OK)
        assert told() is Storage.SLOW, "not FAILED, which it is when the writer gives up"


def test_a_receipt_that_is_on_the_disk_is_owed_no_longer(service: Service) -> None:
    book = Passbook(service.config.state / BOOK)
    book.owe("k7m2")

    def settled() -> bool:
        while not service._queue.empty():
            if isinstance(item := service._queue.get(), TemplateDestroyed | Recorded):
                service.handle(item)
        return not book.owed()

    until(settled)
    assert written(service, "TemplateDestroyed") == 1


def written(service: Service, text: str) -> int:
    """In how many events of the log this text stands."""
    with closing(sqlite3.connect(service.config.state / "outbox.sqlite")) as read:
        return sum(text.encode() in bytes(payload) for (payload,) in read.execute("SELECT payload FROM events"))


def load(service: Service, *people: Permit) -> None:
    gallery = Gallery(np.eye(1, 8, dtype=np.float32), ("somebody",), 1)
    fact = WhitelistLoaded(1, len(people), 0.5, 0.01)
    service.handle(Loaded(gallery, fact, {each.person: each for each in people}))


ANN = Permit("ann", pin=stretched("2580", "demo"), card="7")


@pytest.mark.parametrize("revoked", [False, True])
def test_who_is_revoked_while_their_pass_is_looked_at_is_nobody_when_it_is_judged(
    service: Service, revoked: bool
) -> None:
    """What the porter knew of them when it looked the pass up counts no longer."""
    config, now = service.config, time.time()
    made = invite(Wish("A", ["gate-1"], now - 60, now + 600, staff="ann", with_pin=True), config, service.credentials)
    load(service, ANN)
    service._porter.read(Code(config.camera[0].name, CodeRead(made.token, time.monotonic())))
    looked_up = of(service, PassShown)
    load(service, *([] if revoked else [ANN]))
    service.handle(looked_up)
    service.handle(PinEntered(config.door[0].name, "pad", service._blind.code(ANN.pin)))
    until(lambda: written(service, "AccessGranted") + written(service, "AccessDenied"))
    assert written(service, "AccessGranted") == (not revoked)


def test_whose_card_it_is_is_looked_up_when_it_is_judged(service: Service) -> None:
    door = service.config.door[0].name
    load(service, ANN)
    card = Shown("reader", door, card="7")
    load(service)
    service.handle(card)
    until(lambda: written(service, "CredentialNotFound"))


def test_a_visitor_whom_a_lock_down_stopped_at_the_last_moment_passes_after_it(service: Service) -> None:
    """The one use was written down before the grant was refused."""
    config, now, door = service.config, time.time(), service.config.door[0].name
    made = invite(Wish("A", ["gate-1"], now - 60, now + 600), config, service.credentials)
    book = Passbook(config.state / BOOK)

    def shown() -> PassShown:
        service._porter.read(Code(config.camera[0].name, CodeRead(made.token, time.monotonic())))
        found = of(service, PassShown)
        assert isinstance(found, PassShown)
        return found

    def ordered(kind: CommandKind) -> None:
        service.handle(CommandReceived("c", "op", kind, door))

    service.handle(shown())
    ordered(CommandKind.LOCK_DOWN)
    until(lambda: book.used(made.jti) == 1)
    service.handle(of(service, Recorded))
    until(lambda: book.used(made.jti) == 0)
    ordered(CommandKind.RELEASE)
    service.handle(shown())
    service.handle(of(service, Recorded))
    assert shown().shown == Pass(made.jti, made.jti, "desk", int(now - 60), int(now + 600), 1, used=1)
    assert written(service, "DoorUnavailable") == 1 and service.gate.doors[door].drive.pulse


def of(service: Service, kind: type) -> object:
    """The next of this kind on the queue."""
    while not isinstance(item := service._queue.get(timeout=60), kind):
        pass
    return item
