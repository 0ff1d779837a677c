"""Interruptions without end: gate, desk or broker are killed in mid-sync; nobody may be wrong, lost or resurrected.

Real processes, synthetic people. After each kill the list is edited and everything is started again; a gate that
says which revision it runs must hold exactly the people of that revision, and all gates come to the last one.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from msgspec import Struct

from bench.sync import Watcher
from edge.errors import EdgeError
from edge.holding import entry_of
from edge.models import manifest
from edge.town import CONSENT, PACK, Town, synthetic

GATES = ["gate-1", "gate-2"]
PEOPLE = 60
LONGEST_S = 0.3
"""A kill comes at a random moment up to so long after an edit."""

Progress = Callable[[str, int, int], None]


class Result(Struct):
    """`wrong`: held and not what the desk issued; `lost`: listed and not held; `resurrected`: held though revoked."""

    interruptions: int
    killed: dict[str, int]
    wrong: int
    lost: int
    resurrected: int
    longest_recovery_s: float

    @property
    def flaws(self) -> int:
        """What must not be."""
        return self.wrong + self.lost + self.resurrected


class Campaign:
    """One town that is interrupted again and again."""

    def __init__(self, town: Town, seed: int) -> None:
        self._town, self._random = town, random.Random(seed)
        self._rng, self._pack = np.random.default_rng(seed), manifest(PACK)
        self._people = town.people()
        self._enrolled: list[str] = []
        self._revoked: set[str] = set()

    def run(self, interruptions: int, progress: Progress) -> Result:
        """Start everything, then interrupt it so often."""
        result = Result(interruptions, {}, 0, 0, 0, 0.0)
        town = self._town
        for _ in range(PEOPLE):
            self._enroll()
        town.broker.start()
        town.start_desk()
        watcher = Watcher(town)
        for name in GATES:
            town.start_gate(name)
        self._settled(watcher)
        for number in range(interruptions):
            progress("interrupt", number, interruptions)
            watcher = self._interrupt(result, watcher)
        return result

    def _interrupt(self, result: Result, watcher: Watcher) -> Watcher:
        self._edit()
        time.sleep(self._random.uniform(0.0, LONGEST_S))
        victim = self._random.choice([*GATES, "desk", "broker"])
        result.killed[victim] = result.killed.get(victim, 0) + 1
        begun = time.monotonic()
        if victim == "broker":
            self._town.broker.kill()
            if self._random.random() < 0.5:
                (self._town.root / "broker/mosquitto.db").unlink(missing_ok=True)
            self._edit()
            self._town.broker.start()
            watcher = Watcher(self._town)
        else:
            self._town.kill(victim)
            self._edit()
            self._town.start_desk() if victim == "desk" else self._town.start_gate(victim)
        self._settled(watcher)
        result.longest_recovery_s = round(max(result.longest_recovery_s, time.monotonic() - begun), 2)
        self._judge(result)
        return watcher

    def _edit(self) -> None:
        if self._random.random() < 0.5 and len(self._enrolled) > PEOPLE // 2:
            person = self._enrolled.pop(self._random.randrange(len(self._enrolled)))
            self._people.revoke(person)
            self._revoked.add(person)
        else:
            self._enroll()

    def _enroll(self) -> None:
        templates = synthetic(self._rng, self._pack.dimension)
        self._enrolled.append(self._people.enroll("somebody", CONSENT, self._pack.id, templates).id)

    def _settled(self, watcher: Watcher) -> None:
        """Wait until every gate says that it runs the last revision."""
        revision = self._people.revision()
        watcher.until(lambda: watcher.run_revision(GATES, revision, len(self._enrolled)), f"revision {revision}")

    def _judge(self, result: Result) -> None:
        """Compare what the gates hold with what the desk issued."""
        known = {person: entry.hash for person, entry in self._town.office().entries().items()}
        for name in GATES:
            held = self._held(self._town.sites[name].config.state / "list.sqlite")
            result.wrong += sum(known.get(person) != hashed for person, hashed in held.items())
            result.lost += len(set(self._enrolled) - held.keys())
            result.resurrected += len(self._revoked & held.keys())

    def _held(self, store: Path) -> dict[str, bytes]:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            messages = db.execute("SELECT message FROM records").fetchall()
        return {entry.id: entry.hash for entry in (entry_of(message) for (message,) in messages)}


def measure(interruptions: int, models: Path, progress: Progress, seed: int = 1) -> Result:
    """Interrupt a town so often; EdgeError when it does not recover."""
    with TemporaryDirectory(prefix="edge-gate-campaign-") as directory:
        town = Town(Path(directory), models, GATES)
        try:
            return Campaign(town, seed).run(interruptions, progress)
        except EdgeError as error:
            logs = {
                name: (town.root / name).read_text()[-500:] for name in ("desk.log",) if (town.root / name).exists()
            }
            raise EdgeError("the campaign stopped: {why}; {logs}", why=error, logs=logs) from error
        finally:
            town.close()
