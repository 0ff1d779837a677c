"""Processes that are killed at every step of what they do.

`python -m tests.adapters.killed LOG FOLDER` sets a damaged event log aside again and again, and is killed at every step
of it that the disk can see. It leaves in FOLDER/N what a kill before step N left of a copy of LOG's directory, until
the work is done before the kill comes. The steps are links, names, removals and statements of SQL.
"""

import itertools
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from edge import eventlog, logfile
from edge.logfile import connect
from edge.outbox import Outbox
from tests.adapters.brokers import until

STEPS = {"os.link", "os.rename", "os.remove", "sqlite3.connect"}
TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"}


def killed_before(steps: int, folder: Path, work: Callable[[], object]) -> bool:
    """Whether the work was killed, before files below this folder were touched so many times and once more."""

    def step(event: str, arguments: tuple[object, ...]) -> None:
        if event in TOUCHES and str(folder) in str(arguments[0]) and next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if not (child := os.fork()):
        left = itertools.count(steps, -1)
        sys.addaudithook(step)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return bool(status)


class Killer:
    """Counts steps from the first link on, and kills this process before the one that is its last."""

    def __init__(self, last: int) -> None:
        self._left, self._armed = last, False

    def step(self, *_: object) -> None:
        self._left -= self._armed
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(self, event: str, _arguments: tuple[object, ...]) -> None:
        self._armed = self._armed or event == "os.link"
        if event in STEPS:
            self.step()

    def connect(self, path: Path, mode: str = "rwc") -> sqlite3.Connection:
        """As the log connects, with every statement a step."""
        connection = connect(path, mode)
        connection.set_trace_callback(self.step)
        return connection


def begin(path: Path, steps: int) -> None:
    """A gate's outbox, from its start until the new log has been begun, unless it is killed before."""
    killer = Killer(steps)
    sys.addaudithook(killer.hear)
    eventlog.connect = logfile.connect = killer.connect
    outbox = Outbox(path, "site", "gate-1", 100_000, 0.8, lambda fact: None)
    until(lambda: outbox.backlog.epoch)
    os._exit(0)


def main(log: Path, folder: Path) -> None:
    status, steps = 1, 0
    while status:
        place = folder / str(steps)
        shutil.copytree(log.parent, place)
        if not (child := os.fork()):
            begin(place / log.name, steps)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
        steps += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
