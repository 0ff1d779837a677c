"""Stories in which the door must not open by face: nobody there, an old face, a whitelist that cannot be trusted."""

import os
import time
from pathlib import Path

import pytest

from edge.doorevents import AccessDenied, AccessGranted, RequestToExit
from edge.events import WhitelistChanged, WhitelistFault
from edge.matcher import Vector
from edge.simulate import RtspServer
from tests.system.conftest import NewHouse
from tests.system.house import LOOP_S, VISIT_S, House, wait

pytestmark = pytest.mark.real

FRESH_S = 1.0
"""The configuration's `freshness_s` by default."""


def visits(house: House) -> list[float]:
    """When the visitor came into view each time, by the frames' own times."""
    times: list[float] = []
    for seen in house.facts("FaceSeen"):
        if not times or seen["captured"] > times[-1] + LOOP_S / 2:
            times.append(seen["captured"])
    return times


def until(mono: float) -> None:
    """Wait for a point of the film: here time itself is what is tested."""
    time.sleep(max(0.0, mono - time.monotonic()))


@pytest.mark.slow
@pytest.mark.timed
def test_who_came_while_the_eye_was_stopped_is_not_let_in_when_it_goes_on(
    house: NewHouse, camera: RtspServer, film: Path, visitor: Vector
) -> None:
    """The visitor comes and goes while the eye is frozen; the frames of it then lie in the eye's socket."""
    gate = house(url=camera.url(film))
    gate.enroll(visitor)
    gate.start("relay", "gate", "eye")
    wait(lambda: gate.watch.opened)
    first = visits(gate)[0]
    until(first + LOOP_S - 1.5)
    with gate.frozen("eye"):
        until(first + LOOP_S + VISIT_S + FRESH_S + 0.2)
    opened = len(gate.watch.opened)
    until(first + 2 * LOOP_S - 1.0)
    assert len(gate.watch.opened) == opened == len(gate.events(AccessGranted)) == 1
    wait(lambda: len(gate.watch.opened) == 2)
    assert visits(gate)[-1] > first + 2 * LOOP_S - 1.0, "a later visit, and not the one before"


@pytest.mark.slow
def test_people_from_behind_move_nothing(house: NewHouse, from_behind: Path, visitor: Vector) -> None:
    with RtspServer([from_behind]) as server:
        gate = house(url=server.url(from_behind))
        gate.enroll(visitor)
        gate.start("relay", "gate", "eye")
        wait(lambda: any(seen["frames_per_s"] > 5 for seen in gate.facts("CameraReported")))
        time.sleep(15)  # as long as people walk by
        assert gate.watch.opened == []
        assert gate.facts("FaceSeen") == []
        assert gate.events(AccessGranted, AccessDenied) == []
        assert gate.facts("CameraReported")[-1]["status"] == "streaming"


def damage(path: Path) -> None:
    """Overwrite everything but the first page, which says that this is a database."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def refuses_by_face_only(gate: House) -> int:
    """A visit is refused because there is no whitelist; who is inside gets out. How many were granted before."""
    wait(lambda: gate.events(WhitelistFault))
    fault = gate.events(WhitelistFault)[-1].data
    assert fault["active"] and "damaged" in str(fault["detail"]) and "whitelist.sqlite" in str(fault["detail"])
    opened, granted = len(gate.watch.opened), len(gate.events(AccessGranted))
    wait(lambda: gate.events(AccessDenied))
    assert gate.events(AccessDenied)[-1].data["reason"] == "WhitelistUnavailable"
    assert len(gate.watch.opened) == opened
    gate.press_exit()
    wait(lambda: gate.events(RequestToExit))
    return granted


@pytest.mark.slow
def test_a_whitelist_that_is_damaged_lets_nobody_in_from_that_moment_on(
    house: NewHouse, camera: RtspServer, film: Path, visitor: Vector
) -> None:
    gate = house(url=camera.url(film))
    gate.enroll(visitor)
    gate.start("relay", "gate", "eye")
    wait(lambda: gate.events(WhitelistChanged))
    wait(lambda: gate.watch.opened)
    damage(gate.site.config.state / "whitelist.sqlite")
    granted = refuses_by_face_only(gate)
    gate.stop("gate")
    gate.start("gate")
    wait(lambda: len(gate.events(WhitelistFault)) == 2)
    gate.press_exit()
    assert len(gate.events(AccessGranted)) == granted
