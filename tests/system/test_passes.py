"""Somebody holds a pass before the camera: real video, eye, gate and relay guard; then again, and after a restart."""

import time
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bench.passfilm import CODE_AT, LIGHT, code_of, pass_film
from edge.camera import Camera
from edge.codes import Codes
from edge.config import CameraSection
from edge.doorevents import AccessDenied, AccessGranted
from edge.events import TemplateDestroyed
from edge.invitation import Wish, invite
from edge.simulate import RtspServer
from tests.commands import answer
from tests.system.conftest import NewHouse
from tests.system.house import House, wait

pytestmark = [pytest.mark.real, pytest.mark.timed]

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


ONE, AGAIN = "Akhmed_Zakayev_0001", "Akhmed_Zakayev_0002"


def visit_film(token: str, face: Path, target: Path) -> Path:
    """Nobody, a pass alone, then whose it is, as another photo shows them; then nobody, and so on."""
    code = code_of(token)
    person = cv2.resize(cv2.imread(str(face)), (900, 900), interpolation=cv2.INTER_CUBIC)
    with av.open(str(target), "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.options = {"preset": "ultrafast", "bf": "0", "g": "25"}
        for number in range(150):
            image = np.full((1080, 1920, 3), 100, np.uint8)
            if 25 <= number < 60:
                image[200 : 200 + code.shape[0], 300 : 300 + code.shape[1]] = code[:, :, np.newaxis]
            if 60 <= number < 110:
                image[90:990, 500:1400] = person
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        film.mux(stream.encode(None))
    return target


def test_a_visitor_invited_with_a_photo_passes_with_pass_and_face_and_leaves_a_receipt(
    house: NewHouse, shared: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(shared / "data/lfw/lfw-deepfunneled-pairs.zip") as pairs:
        for name in (ONE, AGAIN):
            (tmp_path / f"{name}.jpg").write_bytes(pairs.read(f"{name[:-5]}/{name}.jpg"))
    gate, now = house(url=NOWHERE, clock_untrusted="accept"), datetime.now().astimezone()
    given = ["--config", gate.site.file, "--credentials", gate.site.secrets]
    window = ["--from", now.isoformat(), "--until", (now + timedelta(hours=1)).isoformat(), "--uses", "5"]
    photo = tmp_path / f"{ONE}.jpg"
    made = answer("visitor", "invite", "--host", "王芳", "--gate", "gate-1", *window, "--face", photo, *given)
    with RtspServer([visit_film(made["token"], tmp_path / f"{AGAIN}.jpg", tmp_path / "visit.mp4")]) as camera:
        gate.site.file.write_text(gate.site.file.read_text().replace(NOWHERE, camera.url(tmp_path / "visit.mp4")))
        gate.start("relay", "gate", "eye")
        wait(lambda: gate.watch.opened)
        (granted, *_) = gate.events(AccessGranted)
        assert (granted.data["credential"], granted.data["factors"]) == (made["jti"], ["pass", "face"])
        told = answer("visitor", "revoke", made["jti"], *given, status=1)  # there is no broker to tell others by
        assert told["template_destroyed"] is True
        wait(lambda: gate.events(TemplateDestroyed))
        wait(lambda: gate.facts("WhitelistLoaded")[-1]["people"] == 0)
        opened, refused = len(gate.watch.opened), len(gate.events(AccessDenied))
        wait(lambda: len(gate.events(AccessDenied)) > refused + 1)
        reasons = {each.data["reason"] for each in gate.events(AccessDenied)[refused:]}
        assert reasons <= {"CredentialNotEnabled", "CredentialNotFound"} and len(gate.watch.opened) == opened
    assert len(gate.events(TemplateDestroyed)) == 1
    (record,) = answer("people", "list", *given)["people"]
    assert (record["standing"], record["templates"], record["name"]) == ("erased", 0, "")
