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
from edge.facts import Heartbeat, Recorded, StorageReported, TemplateDestroyed
from edge.matcher import Gallery
from edge.passbook import BOOK, Passbook
from edge.presence import Cues
from edge.service import Service
from edge.site import Site
from edge.terms import Candidate, Now, Quality, Storage
from edge.wire import Observation
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
    running = Service(site.config, site.credentials)
    running._start()
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

    until(lambda: service._outbox.backlog.epoch)
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
    with closing(sqlite3.connect(service.config.state / "outbox.sqlite")) as read:
        written = [bytes(payload) for (payload,) in read.execute("SELECT payload FROM events")]
    assert sum(b"TemplateDestroyed" in payload for payload in written) == 1
