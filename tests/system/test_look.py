"""The live look for real: a camera over RTSP, the gate's process, mutual TLS, and a guard who looks before opening."""

import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from edge.certificates import BROKER_KEY, authority, certificate
from edge.config import BrokerSection, Credentials, load
from edge.errors import LinkError
from edge.look import PER_MINUTE, VIEWER, watermarked
from edge.look import Window as Looks
from edge.simulate import HOST, Server, free_port
from edge.traffic import CAMERA, SimulatedGate
from monitor.looking import Looks as RoomLooks
from monitor.settings import load as load_room
from tests.adapters.brokers import Mosquitto, until
from tests.adapters.rtsp import RtspServer, make_clip, need_gstreamer
from tests.conftest import need
from tests.room.conftest import CHROMIUM, PASSWORD, Monitor, enter, get

CONFIG = """
[gate]
site = "demo"
name = "lobby"
state_dir = "{folder}"
runtime_dir = "{folder}"
[[camera]]
name = "{camera}"
url = "{url}"
[look]
address = "127.0.0.1"
port = {port}
key = "broker.key"
"""


class Window(Server):
    """`edge-gate run --role look` of a gate."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__()
        self.folder = folder
        (folder / "gate.toml").write_text(CONFIG.format(folder=folder, camera=CAMERA, url=url, port=self.port))

    def command(self, directory: Path) -> list[str]:
        files = ["--config", str(self.folder / "gate.toml"), "--credentials", str(self.folder)]
        return [sys.executable, "-m", "edge.cli", "run", "--role", "look", *files]

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates of one authority for gate, room and another gate, and one of another authority."""
    found = {name: tmp_path_factory.mktemp(name) for name in ("ca", "gate", "room", "other", "foreign", "foreign-ca")}
    for ca in ("ca", "foreign-ca"):
        authority(found[ca])
    certificate(found["ca"], "lobby", found["gate"], "look.crt", host=HOST)
    certificate(found["ca"], "room", found["room"], "room.crt")
    certificate(found["ca"], "garden", found["other"], "room.crt")
    certificate(found["foreign-ca"], "room", found["foreign"], "room.crt")
    return found


@pytest.fixture(scope="module")
def window(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    need_gstreamer()
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip.h264", (640, 480))
    with RtspServer(clip) as camera, Window(folders["gate"], camera.url) as window:
        yield window


def look(window: Window, folder: Path, path: str = f"/look/{CAMERA}", viewer: str = "li") -> httpx.Response:
    context = ssl.create_default_context(cafile=window.folder / "ca.crt")
    if (folder / "room.crt").exists():
        context.load_cert_chain(folder / "room.crt", folder / BROKER_KEY)
    with httpx.Client(verify=context, timeout=60) as client:
        return client.get(window.url + path, headers={VIEWER: viewer} if viewer else {})


@pytest.mark.real
def test_only_the_room_sees_a_picture_and_only_for_somebody(window: Window, folders: dict[str, Path]) -> None:
    seen = look(window, folders["room"])
    assert (seen.status_code, seen.headers["content-type"], seen.headers["cache-control"]) == (
        200, "image/jpeg", "no-store",
    )  # fmt: skip
    image = cv2.imdecode(np.frombuffer(seen.content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape == (480, 640, 3)
    assert look(window, folders["other"]).status_code == 403
    assert look(window, folders["room"], "/look/none").status_code == 404
    assert look(window, folders["room"], "/look/../../etc/passwd").status_code == 404
    assert look(window, folders["room"], viewer="").status_code == 404
    for folder in ("foreign", "ca"):  # of another authority, and without any
        with pytest.raises(httpx.HTTPError):
            look(window, folders[folder])
    assert not [path for path in window.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")]


@pytest.mark.real
def test_whoever_dawdles_keeps_nobody_else(window: Window, folders: dict[str, Path]) -> None:
    idle = [socket.create_connection((HOST, window.port)) for _ in range(5)]
    assert look(window, folders["room"]).status_code == 200
    for connection in idle:
        connection.close()


@pytest.mark.real
def test_nobody_looks_more_often_than_once_a_second_for_long(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(
        CONFIG.format(folder=tmp_path, camera=CAMERA, url="rtsp://127.0.0.1:1/x", port=free_port())
    )
    looks = Looks(load(tmp_path / "gate.toml"), Credentials(folders["gate"]))
    with closing(looks.socket):
        assert [looks.allowed() for _ in range(PER_MINUTE + 1)] == [True] * PER_MINUTE + [False]


@contextmanager
def served(credentials: Path, folder: Path) -> Iterator[Looks]:
    """A gate's look in this process; its camera is not there, and no picture is needed."""
    folder.mkdir()
    (folder / "gate.toml").write_text(
        CONFIG.format(folder=folder, camera=CAMERA, url="rtsp://127.0.0.1:1/x", port=free_port())
    )
    looks = Looks(load(folder / "gate.toml"), Credentials(credentials))
    thread = Thread(target=looks.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield looks
    finally:
        looks.shutdown()
        thread.join()
        looks.server_close()


def seen_from_the_room(room: Path, looks: Looks, folder: Path) -> str:
    """Why a room with these credentials is shown no picture by what serves there."""
    (folder / "monitor.toml").write_text(
        f'[look]\ncertificate_file = "{room}/room.crt"\nkey_file = "{room}/{BROKER_KEY}"\nca_file = "{room}/ca.crt"\n'
        f'[look.gates]\n"demo/lobby" = "https://{HOST}:{looks.server_address[1]}"\n'
    )
    with pytest.raises(LinkError) as told:
        RoomLooks(load_room(folder / "monitor.toml")).look("li", "demo/lobby", CAMERA)
    return str(told.value)


def test_whoever_looks_is_in_the_log_of_the_gate_also_where_no_picture_came(
    folders: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "edge.look"), served(folders["gate"], tmp_path / "gate") as looks:
        assert "certificate" not in seen_from_the_room(folders["room"], looks, tmp_path)
    assert f"li looks through camera {CAMERA}" in caplog.messages


@pytest.mark.parametrize(("ca", "host"), [("foreign-ca", HOST), ("ca", "192.0.2.9")])
def test_the_room_names_nobody_to_what_is_not_the_gate(
    folders: dict[str, Path], tmp_path: Path, ca: str, host: str
) -> None:
    """Neither to a certificate of another authority, nor to that of another gate in this one's place."""
    (tmp_path / "another").mkdir()
    certificate(folders[ca], "lobby", tmp_path / "another", "look.crt", host=host)
    (tmp_path / "another/ca.crt").write_bytes((folders["ca"] / "ca.crt").read_bytes())  # it would take the room's
    with served(tmp_path / "another", tmp_path / "gate") as looks:
        assert "certificate verify failed" in seen_from_the_room(folders["room"], looks, tmp_path)
        assert not looks.lately, "no request has reached it"


def test_no_part_of_a_picture_is_without_the_viewers_name() -> None:
    grey = np.full((480, 640, 3), 128, np.uint8)
    marked = watermarked(grey, "li  2026-11-25 08:00:00Z  hq/lobby front")
    for y in range(0, 480, 120):
        for x in range(0, 640, 160):
            assert (marked[y : y + 120, x : x + 160] != 128).any(), (x, y)
    assert (watermarked(grey, "li") != watermarked(grey, "wang")).any()
    assert (watermarked(grey, "李") != watermarked(grey, "王")).any()


@pytest.mark.real
def test_a_guard_looks_and_only_then_opens(window: Window, folders: dict[str, Path], tmp_path: Path) -> None:
    need(CHROMIUM.exists(), "chromium")
    room = folders["room"]
    extra = (
        f'[commands]\noperator = "room"\n[look]\ncertificate_file = "{room}/room.crt"\n'
        f'key_file = "{room}/{BROKER_KEY}"\n'
        f'ca_file = "{room}/ca.crt"\nbefore_open_s = 60\n[look.gates]\n"demo/lobby" = "{window.url}"\n'
    )
    (tmp_path / "gate").mkdir()
    with Mosquitto() as broker, Monitor(tmp_path, broker, extra=extra) as monitor, sync_playwright() as playwright:
        until(lambda: get(f"{monitor.url}/healthz").status_code == 200)
        where = BrokerSection(host=HOST, port=broker.port)
        keys = {"operator_key": tmp_path / "room.pub"}
        gate = SimulatedGate(tmp_path / "gate", "lobby", where, tmp_path / "recorder.pub", 0.0, **keys)
        gate.start()
        until(lambda: [each for each in monitor.call("/api/gates")["gates"] if each["state"].get("doors")])
        _open_after_a_look(playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]), monitor)
        gate.stop()


def _open_after_a_look(browser: Browser, monitor: Monitor) -> None:
    page = enter(browser, monitor, "zhao")
    page.goto(f"{monitor.url}/gates/demo/lobby")
    page.get_by_role("button", name="Open once", exact=True).click()
    expect(page.locator("#outcomes")).to_contain_text("look at the gate first")
    page.get_by_role("button", name=f"Look through {CAMERA}").click()
    expect(page.locator("#look img")).to_be_visible()
    assert page.evaluate("document.querySelector('#look img').naturalWidth") == 640
    page.get_by_role("button", name="Open once", exact=True).click()
    expect(page.locator("#outcomes")).to_contain_text("accepted by the gate")
    button = page.get_by_role("button", name=f"Look through {CAMERA}")
    button.evaluate("button => { button.value = 'none' }")
    button.click()
    expect(page.locator("#look")).to_contain_text("no such camera")
    audit = get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
    assert "demo/lobby none" in audit, "who wanted to look is named before there is a picture"
    assert f"demo/lobby {CAMERA}" in audit and "looked through a camera" in audit
    assert not [path for path in monitor.directory.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")]
    browser.close()
