"""What tests share: the real parts, and the rule that CI may not skip them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("EDGE_GATE_SHARED", ROOT.parent / "shared"))
"""Real data and weights for tests; beside the clone, or where the variable says."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""What a script runs in the background ignores an interrupt, and so would every process that a test interrupts."""

settings.register_profile(
    "everywhere",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("REQUIRE_REAL_PARTS")),
)
settings.load_profile("everywhere")
"""How fast a machine is fails no test, and what CI tries is the same in every run; elsewhere it is new each time."""
settings.register_profile("mutation", max_examples=10, deadline=None, derandomize=True, database=None)
"""For `make mutation`, which runs the tests of the core hundreds of times: nothing is left to chance."""


LONGEST = (
    *("test_recovery", "test_cluster", "test_drill", "test_thumbnails", "test_demo", "test_sender", "test_site"),
    *("test_gaps", "test_monitor", "test_gate_stays_shut", "test_faults", "test_eye", "test_degraded", "test_page"),
)
"""Files that take a minute or more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first, then those with tests that say of themselves that they are slow."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.stem
        return LONGEST.index(name) if name in LONGEST else len(LONGEST), item.path not in slow

    items.sort(key=place)


def need(there: object, what: str) -> None:
    """Skip with the reason printed when a real part is absent; under REQUIRE_REAL_PARTS=1 that is a failure."""
    if there:
        return
    if os.environ.get("REQUIRE_REAL_PARTS"):
        pytest.fail(f"real part missing: {what}", pytrace=False)
    pytest.skip(f"real part missing: {what}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real videos, photos and weights."""
    need(SHARED.is_dir(), f"{SHARED} with videos and weights")
    return SHARED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    need(os.geteuid() == 0, "root, to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    need(subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False).returncode == 0, "mount")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(path: Path) -> None:
    """Leave no room on the disk of this new file."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
