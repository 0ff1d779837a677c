"""These tests need the kernel's GPIO simulator: they are collected in the guest of rig.py alone (`make hardware`)."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.hardware.gpiosim import DRIVER, SimChip

T = TypeVar("T")
collect_ignore = [] if DRIVER.is_dir() else ["test_chip.py", "test_degraded.py", "test_door.py"]


@pytest.fixture
def chip() -> Iterator[SimChip]:
    """Eight lines: RELAY, LAMP, CONTACT and BUTTON by name, one that the kernel itself uses, three more."""
    with SimChip("gate", {0: "RELAY", 1: "LAMP", 2: "CONTACT", 3: "BUTTON"}, hogs={4: "heater"}) as plugged:
        yield plugged


def until(condition: Callable[[], T | None], timeout_s: float = 60.0) -> T:
    """Wait for it, with patience for an emulated processor; what the condition gave when it was true."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found
