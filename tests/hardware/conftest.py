"""These tests need the kernel's GPIO simulator: they are collected in the guest of rig.py alone (`make hardware`).

Where systemd is the first process (`make live`), those of the units are, otherwise those of single processes.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.hardware.gpiosim import DRIVER, SimChip

T = TypeVar("T")
BARE, LIVE = ["test_chip.py", "test_degraded.py", "test_door.py"], ["test_live.py"]
BOOTED = Path("/run/systemd/system").is_dir()
"""sd_booted(3)"""
collect_ignore = (BARE if BOOTED else LIVE) if DRIVER.is_dir() else [*BARE, *LIVE]


@pytest.fixture
def chip() -> Iterator[SimChip]:
    """Eight lines: RELAY, LAMP, CONTACT and BUTTON by name, one that the kernel itself uses, three more."""
    with SimChip("gate", {0: "RELAY", 1: "LAMP", 2: "CONTACT", 3: "BUTTON"}, hogs={4: "heater"}) as plugged:
        yield plugged


def until(condition: Callable[[], T | None], timeout_s: float = 300.0) -> T:
    """Wait for it, with patience for an emulated processor; what the condition gave when it was true."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found
