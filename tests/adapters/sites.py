"""A desk, a broker with TLS and its access list, and the gates' real following, on one machine."""

import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.audit import Audit
from edge.clock import Clock
from edge.desk import Desk
from edge.follow import Follower
from edge.lone import Loaded
from edge.models import manifest
from edge.mqtt import Address, Connection, Message
from edge.records import Topics
from edge.simulate import HOST
from edge.town import CONSENT, PACK, SITE, Town, synthetic
from tests.adapters.brokers import until
from tests.conftest import ROOT

TOPICS = Topics(SITE)


class Gate:
    """A gate's end of the list, and what it would search now."""

    def __init__(self, town: Town, name: str, clock: Clock | None = None) -> None:
        site = town.sites[name]
        self.queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.follower = Follower(site.config, site.credentials, manifest(PACK), self.queue.put, clock or Clock())
        self.loaded: Loaded | None = None
        self.seen: list[int] = []
        self.follower.start()

    def now(self) -> Loaded | None:
        while not self.queue.empty():
            item = self.queue.get()
            assert isinstance(item, Loaded), item
            self.loaded = item
            self.seen.append(item.fact.people)
        return self.loaded

    def matches(self, person: str, probe: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> bool:
        loaded = self.now()
        found = loaded.gallery.search(probe, 0.5) if loaded and loaded.gallery else None
        return found is not None and found.person == person

    def count(self) -> int:
        loaded = self.now()
        return loaded.fact.people if loaded and not loaded.fact.problem else -1

    def problem(self) -> str:
        loaded = self.now()
        return loaded.fact.problem if loaded else ""

    def close(self) -> None:
        self.follower.stop()
        self.follower.join(60)
        self.follower._vault.close()


class Place:
    """A town whose desk and gates run in this process."""

    def __init__(self, root: Path, workstations: Sequence[str] = ()) -> None:
        self.town = Town(root, ROOT / "var/models", ["north", "south"], workstations)
        self.gates: dict[str, Gate] = {}
        self.clock: Clock | None = None
        """What gates go by that start from now on, where it is not the machine's own."""
        self.desk: Desk | None = None
        self.rng = np.random.default_rng(5)

    def start(self, *names: str) -> None:
        for name in names:
            if name == "desk":
                self.desk = Desk(self.town.config, self.town.credentials)
                self.thread = threading.Thread(target=self.desk.run, daemon=True)
                self.thread.start()
            elif name == "broker":
                self.town.broker.start()
            else:
                self.gates[name] = Gate(self.town, name, self.clock)

    def stop(self, name: str) -> None:
        if name == "desk" and self.desk:
            self.desk.stop()
            self.thread.join(60)
            self.desk = None
        elif name in self.gates:
            self.gates.pop(name).close()

    def enroll(self, name: str) -> "tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]":
        templates = synthetic(self.rng, manifest(PACK).dimension)
        return self.town.people().enroll(name, CONSENT, manifest(PACK).id, templates).id, templates[0]

    def wait(self, count: int, *names: str) -> None:
        until(lambda: all(self.gates[name].count() == count for name in names or self.gates))

    def audit(self) -> Audit:
        return Audit.of(self.town.config, self.town.credentials)

    def problems(self, gate: str) -> dict[str, str]:
        contact = self.town.office().contacts().get(gate)
        return contact.problems if contact else {}

    def close(self) -> None:
        for name in ["desk", *self.gates]:
            self.stop(name)
        self.town.close()


def member(town: Town, who: str) -> Connection:
    """Somebody with the certificate of the desk, a workstation or a gate."""
    if who == "desk":
        folder, crt = town.root / "desk", "desk.crt"
    elif (town.root / who / "workstation.crt").exists():
        folder, crt = town.root / who, "workstation.crt"
    else:
        folder, crt = town.sites[who].secrets, "gate.crt"
    return Connection(
        Address(HOST, town.broker.port, "", "", str(folder / "ca.crt"), str(folder / crt), folder / "broker.key")
    )


def say(connection: Connection, topic: str, payload: bytes) -> None:
    connection.publish(Message(topic, payload, retain=True))
    deadline = time.monotonic() + 60
    while connection.unconfirmed and time.monotonic() < deadline:
        connection.turn(0.05)
