"""GPIO lines, real and simulated, behind one small interface.

Real lines go through libgpiod 2 and work on any /dev/gpiochip. A simulated chip is a file with one byte a line, 1
when it is active; like a relay that latches, it keeps its value when the process that set it is killed.
"""

import errno
import mmap
import os
import select
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import gpiod
from gpiod.line import Bias, Direction, Edge, Value

from edge.config import LineSection
from edge.errors import HardwareError
from edge.terms import Input

CONSUMER = "edge-gate"
Settings = dict[Iterable[int | str] | int | str, gpiod.LineSettings | None]
"""Line -> settings, as gpiod types it."""
SIMULATED = "simulated:"
SIMULATED_LINES = 64
SIMULATED_NAMES = {f"GPIO{number}": number for number in range(SIMULATED_LINES)}
POLL_S = 0.005
RISING = gpiod.EdgeEvent.Type.RISING_EDGE
"""From inactive to active, whatever the polarity."""
BIAS = {
    "as_is": Bias.AS_IS,
    "pull_up": Bias.PULL_UP,
    "pull_down": Bias.PULL_DOWN,
    "disabled": Bias.DISABLED,
}


class Outputs(Protocol):
    """Lines that this process drives, by name; they were inactive from the moment they were requested."""

    def set(self, name: str, active: bool) -> None:
        """Drive one line; HardwareError when the chip is gone."""

    def close(self) -> None:
        """Drive every line inactive and let go of it; HardwareError, having let go, when the chip is gone."""


class Inputs(Protocol):
    """Lines that this process reads."""

    def read(self) -> dict[Input, bool]:
        """What every line is now; HardwareError when the chip is gone."""

    def wait(self, seconds: float) -> list[tuple[Input, bool]]:
        """The changes since the last call, debounced, in order; after `seconds` without one, none."""

    def close(self) -> None: ...


def outputs(chip: str, lines: Mapping[str, LineSection]) -> Outputs:
    """Request output lines, inactive in the same call; HardwareError when they cannot be had."""
    if chip.startswith(SIMULATED):
        return SimulatedOutputs(Path(chip.removeprefix(SIMULATED)), lines)
    return ChipOutputs(chip, lines)


def inputs(chip: str, lines: Mapping[Input, LineSection], debounce_s: float) -> Inputs:
    """Request input lines with edge detection; HardwareError when they cannot be had."""
    if chip.startswith(SIMULATED):
        return SimulatedInputs(Path(chip.removeprefix(SIMULATED)), lines, debounce_s)
    return ChipInputs(chip, lines, debounce_s)


def probe(chip: str, lines: Iterable[int | str]) -> None:
    """Look at lines without touching them: HardwareError unless each is there, and free or held by a gate."""
    if chip.startswith(SIMULATED):
        return
    try:
        with gpiod.Chip(chip) as opened:
            _names_known(chip, opened, lines, allowed=CONSUMER)
    except (OSError, ValueError) as error:
        raise _explained(chip, error, lines) from error


# A real chip --------------------------------------------------------------------------------------------------------


def _request(chip: str, settings: Settings) -> gpiod.LineRequest:
    try:
        with gpiod.Chip(chip) as opened:
            _names_known(chip, opened, settings)
            return opened.request_lines(consumer=CONSUMER, config=settings)
    except (OSError, ValueError) as error:
        raise _explained(chip, error, settings) from error


def _names_known(chip: str, opened: gpiod.Chip, lines: Iterable[object], allowed: str = "") -> None:
    """HardwareError unless each line exists and is free, or its user is the one `allowed`."""
    last = opened.get_info().num_lines - 1
    for line in lines:
        assert isinstance(line, int | str)
        try:
            offset = opened.line_offset_from_id(line)
        except FileNotFoundError as error:
            hint = "see what there is with: gpioinfo"
            raise HardwareError("{chip} has no line {line}", hint, chip=chip, line=line) from error
        except ValueError:  # beyond the last
            offset = -1
        if offset < 0:
            text = "{chip} has no line {line}; its lines are 0 to {last}"
            raise HardwareError(text, chip=chip, line=line, last=last)
        info = opened.get_line_info(offset)
        if info.used and not (allowed and info.consumer == allowed):
            raise HardwareError("{chip}: line {line} is in use by {user}", "choose another line, or stop its user",
                                chip=chip, line=line, user=info.consumer or "the kernel")  # fmt: skip


def _explained(chip: str, error: Exception, lines: Iterable[object]) -> HardwareError:
    match error:
        case FileNotFoundError():
            return HardwareError("there is no GPIO chip {chip}", "see what there is with: gpiodetect", chip=chip)
        case PermissionError():
            return HardwareError("{chip} may not be used", "run as a user of the group gpio", chip=chip)
        case OSError(errno=errno.ENOTTY):
            return HardwareError("{chip} is no GPIO chip", "see what there is with: gpiodetect", chip=chip)
    return HardwareError("{chip}, lines {lines}: {why}", chip=chip, lines=", ".join(map(str, lines)), why=error)


def _settings(line: LineSection, direction: Direction, **more: Any) -> gpiod.LineSettings:
    return gpiod.LineSettings(direction=direction, active_low=line.active_low, bias=BIAS[line.bias], **more)


class ChipOutputs:
    """Output lines of one real chip."""

    def __init__(self, chip: str, lines: Mapping[str, LineSection]) -> None:
        self._chip, self._lines = chip, {name: section.line for name, section in lines.items()}
        safe: Settings = {s.line: _settings(s, Direction.OUTPUT, output_value=Value.INACTIVE) for s in lines.values()}
        self._request = _request(chip, safe)

    def set(self, name: str, active: bool) -> None:
        try:
            self._request.set_value(self._lines[name], Value.ACTIVE if active else Value.INACTIVE)
        except (OSError, gpiod.RequestReleasedError) as error:
            raise _explained(self._chip, error, [self._lines[name]]) from error

    def close(self) -> None:
        try:
            for name in self._lines:
                self.set(name, False)
        finally:
            self._request.release()


class ChipInputs:
    """Input lines of one real chip."""

    def __init__(self, chip: str, lines: Mapping[Input, LineSection], debounce_s: float) -> None:
        period = timedelta(seconds=debounce_s)
        edges: Settings = {
            s.line: _settings(s, Direction.INPUT, edge_detection=Edge.BOTH, debounce_period=period)
            for s in lines.values()
        }
        self._chip, self._lines = chip, {name: section.line for name, section in lines.items()}
        self._request = _request(chip, edges)
        names = {line: name for name, line in self._lines.items()}
        self._names = {
            offset: names[line] for offset, line in zip(self._request.offsets, self._request.lines, strict=True)
        }
        self._known = self.read()

    def read(self) -> dict[Input, bool]:
        try:
            return {name: self._request.get_value(line) is Value.ACTIVE for name, line in self._lines.items()}
        except OSError as error:
            raise _explained(self._chip, error, list(self._lines.values())) from error

    def wait(self, seconds: float) -> list[tuple[Input, bool]]:
        """The edges since the last call, then the levels: the kernel drops the oldest edges when nobody reads them."""
        try:
            waited = self._request.wait_edge_events(timedelta(seconds=seconds))
            events = self._request.read_edge_events() if waited else []
        except OSError as error:
            raise _explained(self._chip, error, list(self._lines.values())) from error
        edges = [(self._names[event.line_offset], event.event_type is RISING) for event in events]
        changes = []
        for name, active in [*edges, *self.read().items()]:
            if active != self._known[name]:
                self._known[name] = active
                changes.append((name, active))
        return changes

    def close(self) -> None:
        self._request.release()


# A simulated chip ---------------------------------------------------------------------------------------------------


class _File:
    """The bytes of a simulated chip, shared by all processes that open it."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o660)
            if os.fstat(handle).st_size < SIMULATED_LINES:
                os.ftruncate(handle, SIMULATED_LINES)
            self.bytes = mmap.mmap(handle, SIMULATED_LINES)
            os.close(handle)
        except (OSError, ValueError) as error:
            raise HardwareError("the simulated chip {path} cannot be used: {why}", path=path, why=error) from error
        self.path = path

    def offset(self, line: int | str) -> int:
        """Lines of a simulated chip are named GPIO0 to GPIO63."""
        number = line if isinstance(line, int) else SIMULATED_NAMES.get(line, -1)
        if not 0 <= number < SIMULATED_LINES:
            text = "{chip} has no line {line}; its lines are 0 to {last}"
            raise HardwareError(text, chip=self.path, line=line, last=SIMULATED_LINES - 1)
        return number

    def check(self) -> None:
        """A chip whose file was removed has been pulled out."""
        if not self.path.is_file():
            raise HardwareError("there is no GPIO chip {chip}", chip=self.path)


class SimulatedOutputs:
    """Output lines of a simulated chip."""

    def __init__(self, path: Path, lines: Mapping[str, LineSection]) -> None:
        self._file = _File(path)
        self._lines = {name: self._file.offset(section.line) for name, section in lines.items()}
        for name in self._lines:
            self.set(name, False)

    def set(self, name: str, active: bool) -> None:
        self._file.check()
        self._file.bytes[self._lines[name]] = active

    def close(self) -> None:
        for offset in self._lines.values():
            self._file.bytes[offset] = 0


class SimulatedInputs:
    """Input lines of a simulated chip, looked at every few milliseconds."""

    def __init__(self, path: Path, lines: Mapping[Input, LineSection], debounce_s: float) -> None:
        self._file, self._debounce_s = _File(path), debounce_s
        self._lines = {name: self._file.offset(section.line) for name, section in lines.items()}
        self._known = self.read()
        self._changed: dict[Input, float] = {}

    def read(self) -> dict[Input, bool]:
        self._file.check()
        return {name: self._file.bytes[offset] != 0 for name, offset in self._lines.items()}

    def wait(self, seconds: float) -> list[tuple[Input, bool]]:
        deadline = time.monotonic() + seconds
        while not (changes := self._steady()) and time.monotonic() < deadline:
            select.select([], [], [], POLL_S)
        return changes

    def close(self) -> None:
        self._file.bytes.close()

    def _steady(self) -> list[tuple[Input, bool]]:
        """Changes that have lasted for the debounce time."""
        now, changes = time.monotonic(), []
        for name, active in self.read().items():
            if active == self._known[name]:
                self._changed.pop(name, None)
            elif now - self._changed.setdefault(name, now) >= self._debounce_s:
                self._known[name] = active
                changes.append((name, active))
        return changes
