"""How a drill's report reaches the gate: a file in its state directory, which it reads, tells and keeps.

`NUMBER.json` is new, `NUMBER.told` is in the event log. The number is when the drill was held, in UTC seconds.
"""

import contextlib
import logging
from pathlib import Path

import msgspec

from edge import files
from edge.errors import StoreError
from edge.events import DrillReport
from edge.facts import DrillDone
from edge.sources import Put, Source

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


def _folder(state: Path) -> Path:
    return state / "drills"


def leave(state: Path, report: DrillReport, at: float) -> Path:
    """Have the gate tell this report, which is on the disk then; StoreError when it cannot be written."""
    path = _folder(state) / f"{round(at)}.json"
    new = path.with_suffix(".new")
    try:
        files.make(new)  # whose owner the report takes over, also from root
        files.replace(new, msgspec.json.encode(report))
        _rename(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise StoreError("{path} cannot be written: {why}", path=path, why=error.strerror) from error
    return path


def passed_at(state: Path) -> float:
    """When the last drill was passed, in UTC seconds; 0.0 when none was that can be read."""
    passed = [0.0]
    for path in (*_folder(state).glob("*.told"), *_folder(state).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if msgspec.json.decode(path.read_bytes(), type=DrillReport).passed:
                passed.append(_held_at(path))
    return max(passed)


class DrillSource(Source):
    """Puts the last drill that was told before, then every new one."""

    def __init__(self, state: Path, put: Put) -> None:
        super().__init__("drills", put)
        self._state = state

    def listen(self) -> None:
        known = sorted(_folder(self._state).glob("*.told"), key=_held_at)
        for path in known[-1:]:
            self._tell(path, True)
        done: set[Path] = set()
        while not self._stopped.wait(LOOK_EVERY_S):
            for path in sorted(_folder(self._state).glob("*.json"), key=_held_at):
                if path not in done:
                    self._tell(path, False)
                done.add(path)

    def _tell(self, path: Path, told: bool) -> None:
        try:
            report = msgspec.json.decode(path.read_bytes(), type=DrillReport)
        except (OSError, ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
            log.warning("the drill report %s cannot be read: %s", path, error)
            self._file(path, ".bad")
        else:
            self._put(DrillDone(_held_at(path), report, told))
            self._file(path, ".told")

    def _file(self, path: Path, suffix: str) -> None:
        """Rename it; a report that cannot be renamed is told again after the next start."""
        with contextlib.suppress(OSError):
            _rename(path, path.with_suffix(suffix))


def _rename(path: Path, to: Path) -> None:
    path.rename(to)
    files.sync(to.parent)


def _held_at(path: Path) -> float:
    return float(path.stem) if path.stem.isascii() and path.stem.isdigit() else 0.0
