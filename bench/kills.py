"""Kills without end: monitor, broker (which has no memory) and gates die at random moments; no event may be lost.

Real processes. Each gate keeps a list of its own of what its event log told it to have on the disk; in the end the room
must have all of it, each once, with every chain whole. `python -m bench.kills DIRECTORY NAME PORT` is a gate.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from sqlalchemy import func, select

from bench.monitor import Room
from bench.outbox import made_up
from edge.broker import Broker
from edge.config import Config, Credentials
from edge.doorevents import AccessGranted
from edge.errors import EdgeError
from edge.facts import Recorded
from edge.outbox import Outbox
from edge.seal import load_key
from edge.sections import BrokerSection, GateSection, OutboxSection
from edge.simulate import HOST, DemoBroker
from edge.terms import Now
from monitor.chain import Chain
from monitor.database import Database
from monitor.ledger import Ledger
from monitor.settings import load
from monitor.tables import EVENTS

SITE, GATES = "bench", ("gate-1", "gate-2", "gate-3")
PACE_S = 0.01
"""A gate has an event so often."""
LONGEST_S = 0.3
"""A kill comes at a random moment up to so long after events have arrived again."""
PATIENCE_S = 60.0

Progress = Callable[[str, int, int], None]


class Result(Struct):
    """`lost`: on a gate's disk and not in the room; `doubled`: there twice; `unchained`: flaws among what is there."""

    interruptions: int
    killed: dict[str, int]
    events: int
    lost: int
    doubled: int
    unchained: int
    longest_recovery_s: float

    @property
    def flaws(self) -> int:
        """What must not be."""
        return self.lost + self.doubled + self.unchained


class Kills:
    """A room with its gates in `root`, interrupted again and again."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root, self._random = root, random.Random(seed)
        self._broker = DemoBroker()
        if self._broker.kind != "mosquitto":
            raise EdgeError("the room is measured with mosquitto", "install it: apt install mosquitto")
        self._room = Room(root, self._broker.port, "")
        self._gates: dict[str, subprocess.Popen[bytes]] = {}
        self._database = Database(load(self._room.config).database)

    def run(self, interruptions: int, progress: Progress) -> Result:
        """Start everything, interrupt it so often, and let it come to rest; EdgeError when it does not recover."""
        result = Result(interruptions, {}, 0, 0, 0, 0, 0.0)
        self._broker.start()
        self._room.start()
        for name in GATES:
            self._start(name)
        self._flowing(0)
        for number in range(interruptions):
            progress("interrupt", number, interruptions)
            self._interrupt(result)
        self._rest()
        self._judge(result)
        return result

    def _interrupt(self, result: Result) -> None:
        time.sleep(self._random.uniform(0.0, LONGEST_S))
        victim = self._random.choice([*GATES, "monitor", "broker"])
        result.killed[victim] = result.killed.get(victim, 0) + 1
        begun = time.monotonic()
        if victim in self._gates:
            self._gates[victim].kill()
            self._gates[victim].wait()
            self._start(victim)
        else:
            (self._room if victim == "monitor" else self._broker).restart()
        self._flowing(self._position())
        result.longest_recovery_s = round(max(result.longest_recovery_s, time.monotonic() - begun), 2)

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "bench.kills", str(self._root), name, str(self._broker.port)]
        self._gates[name] = subprocess.Popen(command, start_new_session=True)

    def _position(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(func.coalesce(func.max(EVENTS.c.position), 0))).scalar_one())

    def _flowing(self, before: int) -> None:
        """Wait until more is recorded than was before."""
        deadline = time.monotonic() + PATIENCE_S
        while self._position() <= before:
            if time.monotonic() > deadline:
                raise EdgeError("the room does not hear the gates any more")
            time.sleep(0.01)

    def _rest(self) -> None:
        """The gates have no more events, and end when the room has acknowledged all of them."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(_runs(self._root, name, process.pid) for name, process in self._gates.items()):
            if time.monotonic() > deadline:
                raise EdgeError("a gate does not start")
            time.sleep(0.01)
        for process in self._gates.values():
            process.terminate()
        for name, process in self._gates.items():
            try:
                ended = process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired as error:
                raise EdgeError("{gate} cannot deliver its last events", gate=name) from error
            if ended:
                raise EdgeError("the sending process ended: {status}", status=ended)

    def _judge(self, result: Result) -> None:
        """Compare the gates' own lists with what the room has."""
        with self._database.reading() as connection:
            kept = Counter(connection.execute(select(EVENTS.c.person).where(EVENTS.c.person.is_not(None))).scalars())
        witnessed = {line for name in GATES for line in witness(self._root, name).read_text().splitlines()}
        ledger = Ledger(self._database)
        result.events, result.lost = len(witnessed), len(witnessed - kept.keys())
        result.doubled = sum(number - 1 for number in kept.values())
        result.unchained = len(ledger.problems()) + (not ledger.verify())
        steps = Chain(self._database, load_key(self._room.config.with_name("recorder.pub")))
        result.unchained += steps.verify().broken is not None

    def close(self) -> None:
        for process in self._gates.values():
            process.kill()
            process.wait()
        self._room.close()
        self._broker.close()
        self._database.close()


def measure(interruptions: int, progress: Progress, seed: int = 1) -> Result:
    """Interrupt a room so often; EdgeError when it does not recover."""
    with TemporaryDirectory(prefix="edge-gate-kills-") as directory:
        kills = Kills(Path(directory), seed)
        try:
            return kills.run(interruptions, progress)
        finally:
            kills.close()


# A gate --------------------------------------------------------------------------------------------------------------


def witness(root: Path, name: str) -> Path:
    """Where a gate lists who passed, once that is on its disk."""
    return root / f"{name}.witness"


def _runs(root: Path, name: str, process: int) -> bool:
    """Whether this process of a gate has opened its log, and hears when it shall stop."""
    file = root / f"{name}.runs"
    return file.exists() and file.read_text() == str(process)


class Gate:
    """A gate's event log and link, with an event every PACE_S, until it is told to stop and all is delivered."""

    def __init__(self, root: Path, name: str, port: int) -> None:
        self._name, self._stopped = f"{name}-{os.getpid()}-{time.time_ns()}", threading.Event()
        self._witness = witness(root, name).open("a", buffering=1)
        self._running, self._told = root / f"{name}.runs", 0
        folder = root / name
        folder.mkdir(exist_ok=True)
        config = Config(
            GateSection(SITE, name, state_dir=str(folder)), [], [], broker=BrokerSection(host=HOST, port=port),
            outbox=OutboxSection(recorder_key=str(root / "recorder.pub")),
        )  # fmt: skip
        self._outbox = Outbox(folder / "outbox.sqlite", SITE, name, 100_000, 0.8, self._heard)
        self._broker = Broker(config, Credentials(folder), self._outbox, self._heard)

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        self._broker.start()
        while not self._outbox.backlog.epoch:
            time.sleep(0.01)
        self._running.write_text(str(os.getpid()))
        number = 0
        while not self._stopped.wait(PACE_S):
            number += 1
            granted = AccessGranted(f"{self._name}-{number}", made_up(number))
            self._outbox.append("door/main", granted, Now(time.monotonic(), time.time()), number)
        while self._told < number or self._outbox.backlog.first <= self._outbox.backlog.last:
            time.sleep(0.01)
        self._broker.close()
        self._outbox.close()

    def _heard(self, fact: object) -> None:
        if isinstance(fact, Recorded):
            self._told += 1
            if fact.ok:
                self._witness.write(f"{self._name}-{fact.ticket}\n")


if __name__ == "__main__":
    directory, called, port = sys.argv[1:]
    gate = Gate(Path(directory), called, int(port))
    signal.signal(signal.SIGTERM, lambda *_: gate.stop())
    gate.run()
