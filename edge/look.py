"""The live look: one still picture of a camera on request, for the monitoring room alone, over mutual TLS.

A process of its own, off unless configured. It opens the camera itself, so eye and gate have no part in it; it has no
key of the gate, no whitelist and no broker. A picture carries the viewer's name across it, is never written anywhere,
and every look is logged.
"""

import logging
import signal
import ssl
import threading
import time
from collections import deque
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote

import cv2
import numpy as np

from edge import notify
from edge.camera import Camera
from edge.config import CameraSection, Config, Credentials
from edge.errors import EdgeError, LinkError
from edge.picture import Image
from edge.terms import ALIVE, Status

VIEWER = "Edge-Gate-Viewer"
"""The header with who looks, percent-encoded UTF-8."""
FRAME_S = 8.0
"""How long a picture may take: a key frame every few seconds, and the connection."""
PATIENCE_S = 10.0
PER_MINUTE = 60
WIDEST = 1280
QUALITY = 80
LIGHT, DARK = (255, 255, 255), (0, 0, 0)
OPACITY = 0.45
FONT = cv2.FONT_HERSHEY_SIMPLEX

log = logging.getLogger(__name__)


def look(section: CameraSection, password: str) -> Image:
    """The next picture of a camera; LinkError with why there is none."""
    camera = Camera(section, password, key_frames=True)
    camera.start()
    try:
        end = time.monotonic() + FRAME_S
        while time.monotonic() < end:
            if frame := camera.next(0.1):
                width = min(WIDEST, frame.picture.width)
                return frame.picture.scaled(width, round(frame.picture.height * width / frame.picture.width))
            for state in camera.news():
                if state.status not in ALIVE | {Status.CONNECTING}:
                    raise LinkError("camera {camera}: {why}", camera=section.name, why=state.detail)
        raise LinkError("camera {camera}: no picture came", camera=section.name)
    finally:
        camera.close()


def watermarked(image: Image, text: str) -> Image:
    """The picture with a text all over it, so that no part of it is without; letters that OpenCV lacks are escaped."""
    marked, scale = image.copy(), max(0.4, image.shape[1] / 1600)
    plain = text.encode("ascii", "backslashreplace").decode()
    (width, height), _ = cv2.getTextSize(plain, FONT, scale, 1)
    for row, y in enumerate(range(2 * height, image.shape[0], 5 * height)):
        for x in range(-(row * width // 3) % (width + 40) - width, image.shape[1], width + 40):
            for colour, away in ((DARK, 1), (LIGHT, 0)):  # a shadow, to be read on light and dark
                cv2.putText(marked, plain, (x + away, y + away), FONT, scale, colour, 1, cv2.LINE_AA)
    return cv2.addWeighted(marked, OPACITY, image, 1 - OPACITY, 0.0).astype(np.uint8)


class Window(ThreadingHTTPServer):
    """Serves until shut down. EdgeError when a credential cannot be used or the port cannot be had."""

    daemon_threads = True
    request_queue_size = 8

    def __init__(self, config: Config, credentials: Credentials) -> None:
        self.config, self.credentials, section = config, credentials, config.look
        self.busy, self.lately = threading.Lock(), deque[float](maxlen=PER_MINUTE)
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=credentials.path(section.authority))
            context.load_cert_chain(credentials.path(section.certificate), credentials.path(section.key))
            context.verify_mode, context.minimum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3
            super().__init__((section.address, section.port), _Request)
        except OSError as error:
            raise EdgeError("looks cannot be served: {why}", why=error.strerror or error) from error
        # The handshake is for the thread of each request: whoever dawdles over it keeps nobody else.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def service_actions(self) -> None:
        notify.watchdog()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A handshake that fails is the other side's mistake, and told in a line."""
        log.warning("a look from %s ended: no certificate of the room, or it went away", client_address[0])

    def allowed(self) -> bool:
        """Whether a look more is not too many."""
        now = time.monotonic()
        if len(self.lately) == PER_MINUTE and now - self.lately[0] < 60:
            return False
        self.lately.append(now)
        return True


class _Request(BaseHTTPRequestHandler):
    """`GET /look/CAMERA`: a JPEG, or a line that says why not."""

    timeout = PATIENCE_S
    server_version, sys_version = "edge-gate", ""

    def do_GET(self) -> None:
        status, body = self._answer(cast(Window, self.server))
        self.send_response(status)
        self.send_header("Content-Type", "image/jpeg" if status == 200 else "text/plain; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, window: Window) -> tuple[int, bytes]:
        camera = next((each for each in window.config.camera if self.path == f"/look/{each.name}"), None)
        viewer = unquote(self.headers.get(VIEWER, ""))[:64].strip()
        if self._peer() != window.config.look.room:
            return 403, b"this certificate is not the room's"
        if camera is None or not viewer.isprintable() or not viewer:
            return 404, b"no such camera, or nobody looks"
        if not window.allowed():
            return 429, b"too many looks within a minute"
        with window.busy:  # one camera connection at a time is what a small gate can spare
            log.info("%s looks through camera %s", viewer, camera.name)
            return self._picture(window, camera, viewer)

    def _picture(self, window: Window, camera: CameraSection, viewer: str) -> tuple[int, bytes]:
        try:
            password = window.credentials.read(camera.credential) if camera.credential else ""
            image = look(camera, password)
        except EdgeError as error:
            return 503, str(error.message).encode()
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        gate = window.config.gate
        marked = watermarked(image, f"{viewer}  {at}  {gate.site}/{gate.name} {camera.name}")
        _, encoded = cv2.imencode(".jpg", marked, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return 200, np.asarray(encoded).tobytes()

    def _peer(self) -> str:
        """The common name of the certificate that the other side has proved to hold."""
        found = cast(ssl.SSLSocket, self.connection).getpeercert() or {}
        parts = cast(tuple[tuple[tuple[str, str], ...], ...], found.get("subject", ()))
        return next((value for part in parts for name, value in part if name == "commonName"), "")

    def log_message(self, *_: object) -> None:
        """Looks are logged by who looks at what."""


def run(config: Config, credentials: Credentials) -> None:
    """The process: serve looks until SIGTERM."""
    if not config.look.address:
        raise EdgeError("no look is configured", "give [look] an address")
    window = Window(config, credentials)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=window.shutdown, daemon=True).start())
    notify.ready()
    window.serve_forever(poll_interval=1.0)
    notify.stopping()
    window.server_close()
