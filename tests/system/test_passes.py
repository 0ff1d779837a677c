"""Somebody holds a pass before the camera: real video, eye, gate and relay guard; then again, and after a restart."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.passfilm import CODE_AT, LIGHT, pass_film
from edge.camera import Camera
from edge.codes import Codes
from edge.config import CameraSection
from edge.doorevents import AccessDenied, AccessGranted
from edge.invitation import Wish, invite
from edge.simulate import RtspServer
from tests.system.conftest import NewHouse
from tests.system.house import House, wait

pytestmark = pytest.mark.real

NOWHERE = "rtsp://127.0.0.1:1/none"


@pytest.fixture
def gate(house: NewHouse, tmp_path: Path) -> Iterator[House]:
    """A gate whose camera shows an empty hall and then a pass for one use, at 4 pixels a module."""
    gate, now = house(url=NOWHERE, clock_untrusted="accept"), time.time()
    made = invite(Wish("王芳", ["gate-1"], now - 60, now + 3600), gate.site.config, gate.site.credentials)
    film = pass_film(made.token, tmp_path / "pass.mp4")
    with RtspServer([film]) as camera:
        gate.site.file.write_text(gate.site.file.read_text().replace(NOWHERE, camera.url(film)))
        yield gate


def test_a_pass_opens_once_also_across_a_restart(gate: House) -> None:
    gate.start("relay", "gate", "eye")
    wait(lambda: gate.watch.opened)
    (shown, *_) = gate.facts("PassShown")
    assert gate.watch.opened[0] - shown["read"] < 0.7, "from the frame to the relay"
    (granted,) = gate.events(AccessGranted)
    assert (granted.data["credential"], granted.data["factors"]) == (shown["shown"]["id"], ["pass"])
    wait(lambda: gate.events(AccessDenied))
    assert gate.events(AccessDenied)[0].data["reason"] == "PassUsed"
    gate.kill("gate")
    gate.start("gate")
    before = len(gate.events(AccessDenied))
    wait(lambda: len(gate.events(AccessDenied)) > before)
    assert gate.events(AccessDenied)[-1].data["reason"] == "PassUsed"
    assert len(gate.watch.opened) == 1 and len(gate.events(AccessGranted)) == 1


def test_a_pass_is_read_within_half_a_second_of_its_first_frame(tmp_path: Path) -> None:
    film = pass_film("x" * 284, tmp_path / "pass.mp4")
    with RtspServer([film]) as server:
        camera = Camera(CameraSection("front", server.url(film), "main"), "")
        camera.start()
        codes, visible, read = Codes(), 0.0, 0.0
        end = time.monotonic() + 15
        while not read and time.monotonic() < end:
            camera.news()  # it does not wait while there is some
            if frame := camera.next(0.2):
                visible = visible or (frame.captured if frame.picture.y[CODE_AT].max() > LIGHT else 0.0)
                read = time.monotonic() if codes.new(frame.picture.y, frame.captured) else 0.0
        camera.close()
    assert visible and 0 < read - visible < 0.5
