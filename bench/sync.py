"""How fast a whitelist reaches seven gates, how fast somebody is shut out, and what a gate's memory is meanwhile.

A desk, mosquitto with TLS and an access list, and whole gate processes, as in a building; the people are synthetic.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from edge.errors import EdgeError
from edge.models import manifest
from edge.mqtt import Connection
from edge.packs import Manifest
from edge.records import Report, Topics, decode, parse
from edge.town import CONSENT, PACK, SITE, Town, synthetic
from edge.transport import Channel, Presence, topic

EDITS, REVOCATIONS = 20, 40
PATIENCE_S = 600.0
"""A hundred thousand people take the desk minutes to seal, sign and publish for the first time."""

Progress = Callable[[str, int, int], None]


class Result(Struct):
    """Times from the desk's commit to the gates' signed word; the restart until the gate says who it can match."""

    people: int
    gates: int
    initial_sync_s: float
    incremental_ms: dict[str, float]
    revocation_ms: dict[str, float]
    restart_to_ready_s: float
    gate_rss_mib: float
    bytes_per_person: float


class Watcher:
    """Hears what the gates report and what state they are in."""

    def __init__(self, town: Town) -> None:
        self.reports: dict[str, Report] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.published = False
        """Whether the broker has the manifest, which the desk publishes last."""
        topics = [Topics(SITE).manifest, Topics(SITE).reports, topic(SITE, "+", Channel.STATE)]
        self._connection = Connection(town.watch(), topics)

    def until(self, condition: Callable[[], bool], what: str) -> float:
        """Listen until the condition holds; when it did."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise EdgeError("waited in vain for {what}", what=what)
            for message in self._connection.turn(0.05):
                gate = message.topic.split("/")[-2]
                if message.topic == Topics(SITE).manifest:
                    self.published = True
                elif message.topic.endswith("/roster"):
                    self.reports[gate] = decode(parse(message.payload).payload, Report)
                else:
                    self.states[gate] = msgspec.json.decode(message.payload, type=Presence).gate
        return time.monotonic()

    def run_revision(self, gates: list[str], revision: int, people: int | None = None) -> bool:
        """Whether these gates run this revision, or one after it."""
        reports = [self.reports.get(gate) for gate in gates]
        return all(r is not None and r.revision >= revision and people in (None, r.people) for r in reports)


def measure(people: int, gates: int, models: Path, progress: Progress) -> Result:
    """All gates but one have the list, the last one joins; edits, revocations, a restart."""
    names = [f"gate-{number}" for number in range(1, gates + 1)]
    with TemporaryDirectory(prefix="edge-gate-bench-") as directory:
        town = Town(Path(directory), models, names)
        try:
            return _measured(town, names, people, progress)
        finally:
            town.close()


def _measured(town: Town, names: list[str], people: int, progress: Progress) -> Result:
    progress("enrol", 0, 1)
    town.enroll(people)
    town.broker.start()
    town.start_desk()
    watcher = Watcher(town)
    watcher.until(lambda: watcher.published, "the list")
    for name in names[1:]:
        town.start_gate(name)
        watcher.until(lambda name=name: watcher.run_revision([name], 1, people), name)  # type: ignore[misc]
    progress("join", 0, 1)
    begun = time.monotonic()
    town.start_gate(names[0])
    joined = watcher.until(lambda: watcher.run_revision(names[:1], 1, people), names[0]) - begun
    pack = manifest(PACK)
    incremental = _edits(town, names, watcher, pack, progress)
    delays = _revocations(town, names, watcher, progress)
    progress("restart", 0, 1)
    rss = max(_peak_mib(town.processes[name].pid) for name in names)
    ready = _restart(town, names[0], watcher)
    rss = max(rss, _peak_mib(town.processes[names[0]].pid))
    messages = town.office().hashes()
    folder = [len(town.office().message(topic)) for topic in messages if "/people/" in topic]
    return Result(
        people=people,
        gates=len(names),
        initial_sync_s=round(joined, 2),
        incremental_ms=_quantiles(incremental),
        revocation_ms=_quantiles(delays),
        restart_to_ready_s=round(ready, 2),
        gate_rss_mib=round(rss, 1),
        bytes_per_person=round(statistics.mean(folder), 1),
    )


def _edits(town: Town, names: list[str], watcher: Watcher, pack: Manifest, progress: Progress) -> list[float]:
    """One person more, again and again; until the last gate runs it."""
    found, rng, list_ = [], np.random.default_rng(2), town.people()
    for number in range(EDITS):
        progress("edit", number, EDITS)
        begun = time.monotonic()
        person = list_.enroll(f"later {number}", CONSENT, pack.id, synthetic(rng, pack.dimension))
        done = watcher.until(lambda at=person.revision: watcher.run_revision(names, at), "an edit")  # type: ignore[misc]
        found.append((done - begun) * 1000)
    return found


def _revocations(town: Town, names: list[str], watcher: Watcher, progress: Progress) -> list[float]:
    """People are shut out; the delays are those of the gates' receipts."""
    office, list_, delays = town.office(), town.people(), []
    chosen = list(office.entries())[:: max(1, len(office.entries()) // REVOCATIONS)][:REVOCATIONS]
    for number, person in enumerate(chosen):
        progress("revoke", number, len(chosen))
        gone = list_.revoke(person)
        watcher.until(lambda at=gone: len(office.receipts(at.id, at.revision)) == len(names), "a receipt")  # type: ignore[misc]
        delays += [receipt.delay_ms for receipt in office.receipts(gone.id, gone.revision)]
    return delays


def _restart(town: Town, name: str, watcher: Watcher) -> float:
    """Kill a gate and start it; seconds until it says how many people it can match."""
    state = watcher.states[name]
    town.kill(name)
    begun = time.monotonic()
    town.start_gate(name)

    def ready() -> bool:
        now = watcher.states.get(name) or {}
        return bool(now) and now["boot"] != state["boot"] and now["whitelist"]["people"] > 0

    return watcher.until(ready, name) - begun


def _quantiles(values: list[float]) -> dict[str, float]:
    return {"p50": round(float(np.percentile(values, 50)), 1), "p99": round(float(np.percentile(values, 99)), 1)}


def _peak_mib(pid: int) -> float:
    """The most memory that a process ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise EdgeError("the gate {pid} is gone", pid=pid)
