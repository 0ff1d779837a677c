"""What the installer of a gate does with it: aim its camera, ask the doctor, read its journal."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import cv2
import pytest

from edge import models, simulate
from edge.site import Site
from tests.adapters.brokers import Mosquitto, until
from tests.commands import answer, complaint, run
from tests.conftest import ROOT

pytestmark = pytest.mark.real

STORE = ROOT / "var" / "models"
SECRET = "correct horse battery"
AMBER, GREEN = (0, 176, 255), (80, 200, 60)


@pytest.fixture
def site(shared: Path, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes a site whose camera shows people; keyword arguments are values of its configuration."""
    models.fetch("registry", STORE)
    film = shared / "data/videos/two-faces-640.mp4"
    with simulate.RtspServer([film]) as camera:
        yield lambda **values: Site(tmp_path, STORE, **{"url": camera.url(film), "broker_port": 1, **values})


def options(site: Site) -> list[object]:
    return ["--config", site.file, "--credentials", site.secrets]


def test_a_camera_is_aimed_with_a_picture_of_zone_and_faces(site: Callable[..., Site], tmp_path: Path) -> None:
    gate = site(zone="[0.5, 0.0, 1.0, 1.0]", least_px=20.0)
    aimed = answer("camera", "aim", *options(gate), "--out", tmp_path / "aim.png")
    assert (aimed["camera"], aimed["width"]) == ("entrance", 640)
    assert 0 < aimed["frame_age_ms"] < 5000 and aimed["frames_per_s"] > 1
    assert aimed["faces"] and all(isinstance(face["eye_distance_px"], float) for face in aimed["faces"])
    picture = cv2.imread(aimed["picture"])
    assert picture.shape[1::-1] == (aimed["width"], aimed["height"])
    good = {face["in_zone"] and face["near_enough"] for face in aimed["faces"]}
    for colour, expected in ((GREEN, True in good), (AMBER, False in good)):
        assert bool((picture == colour).all(axis=2).any()) == expected
    said = run("camera", "aim", *options(gate), "--out", tmp_path / "aim.jpg", EDGE_GATE_LANGUAGE="zh")
    assert said.returncode == 0 and "两眼间距" in said.stdout and f"请查看 {tmp_path}/aim.jpg" in said.stdout


def test_a_camera_that_does_not_answer_says_what_to_check(site: Callable[..., Site]) -> None:
    said = complaint("camera", "aim", *options(site(url="rtsp://127.0.0.1:1/x")))
    assert "camera entrance: Connection refused" in said and "check the port of the camera's url" in said


def test_a_picture_that_cannot_be_written_is_named(site: Callable[..., Site], tmp_path: Path) -> None:
    gate = site()
    for out, expected in ((tmp_path / "aim.txt", "use .jpg or .png"), ("/proc/none/aim.jpg", "cannot be written")):
        assert expected in complaint("camera", "aim", *options(gate), "--out", out)


def test_doctor_is_content_with_a_gate_that_has_everything(site: Callable[..., Site]) -> None:
    with closing(Mosquitto()) as broker:
        broker.start()
        gate = site(broker_port=broker.port)
        gate.config.runtime.mkdir()
        told = answer("doctor", *options(gate))
    assert told["ok"] is True
    found = {each["check"]: each["outcome"] for each in told["findings"]}
    assert {found[name] for name in ("software", "models", "doors", "cameras", "broker", "directories")} == {"ok"}
    assert found["liveness"] == "warning"
    assert not (gate.root / "state/whitelist.sqlite").exists(), "doctor changes nothing"


def test_doctor_looks_for_both_lenses_of_a_camera(tmp_path: Path) -> None:
    gate = Site(tmp_path, STORE)
    lens = '[camera.infrared]\nurl = "rtsp://127.0.0.2:1/x"\nusername = "eye"\ncredential = "infrared.password"\n'
    gate.file.write_text(f"{gate.file.read_text()}\n{lens}")
    told = answer("doctor", *options(gate), status=1)
    failed = {(each["check"], each["text"]) for each in told["findings"] if each["outcome"] == "failed"}
    for check, part in (("credentials", "infrared.password"), ("cameras", "127.0.0.2")):
        assert any(name == check and part in message for name, message in failed), failed


@contextmanager
def running(site: Site, log: Path, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as file:
        process = subprocess.Popen(site.command("run", *arguments), stderr=file, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.parametrize(("environment", "mark"), [({}, "gate WARNING "), ({"JOURNAL_STREAM": "8:1"}, "<4>")])
def test_a_gate_tells_its_journal_of_alarms_but_no_secret(
    site: Callable[..., Site], tmp_path: Path, environment: dict[str, str], mark: str
) -> None:
    gate = site(broker_port=1)
    text = gate.file.read_text().replace("[broker]", '[broker]\nusername = "gate"\ncredential = "broker.password"')
    gate.file.write_text(text)
    (gate.secrets / "broker.password").write_text(SECRET)
    log = tmp_path / "gate.log"
    with running(gate, log, "--role", "gate", **environment):
        until(lambda: "BrokerFault" in log.read_text())
    said = log.read_text()
    line = next(line for line in said.splitlines() if "BrokerFault" in line)
    assert f"{mark}broker: " in line and '"active":true' in line and "connection refused" in line
    assert SECRET not in said and "Traceback" not in said
