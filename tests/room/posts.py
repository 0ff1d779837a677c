"""A mail server and a web server that take notices, and a dispatcher that sends them."""

import base64
import time
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from aiosmtpd.controller import Controller

from edge.simulate import HOST
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.deliveries import Deliveries
from monitor.dispatcher import Dispatcher, linkage_of, post_of
from monitor.limits import Rules
from monitor.settings import Configured, load
from monitor.terms import Key
from tests.adapters.brokers import until

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = Key("hq", "lobby", "door/main", "DoorForcedOpen")


class Letters:
    """Keeps what a mail server was handed."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


class Hook(BaseHTTPRequestHandler):
    """Takes what is posted; first it is out of order as often as it was told."""

    taken: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    failures: ClassVar[int] = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Hook.failures:
            Hook.failures -= 1
            self.send_error(503)
            return
        Hook.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


class MailServer(Controller):
    def close(self) -> None:
        self.stop()


def configured(folder: Path, levels: str, mail: int = 0, broker: int = 1883) -> Configured:
    (folder / "hook.secret").write_text("whsec_" + base64.b64encode(SECRET).decode() + "\n")
    post = f'[mail]\nhost = "{HOST}"\nport = {mail}\nsecurity = "none"\nsender = "room@example.cn"\n' if mail else ""
    page = '[web]\nurl = "https://room.example.cn/"\n[site]\ntitle = "政务中心"\n'
    (folder / "monitor.toml").write_text(f"{page}[broker]\nport = {broker}\n{post}{levels}")
    return load(folder / "monitor.toml")


class Bench:
    """A casebook and its dispatcher; time is what is passed to `turn`."""

    def __init__(self, settings: Configured, database: Database) -> None:
        self.casebook, self.deliveries = Casebook(database, Rules(check_hold_s=0.0)), Deliveries(database)
        linkage, zone = linkage_of(settings), ZoneInfo("Asia/Shanghai")
        self.dispatcher = Dispatcher(
            linkage, self.deliveries, post_of(settings), zone, self.casebook.known, self.casebook.hear, lambda: None
        )

    def turn(self, later: float = 0.0) -> list[Any]:
        """What is known of all deliveries, once every one under way has ended."""
        self.dispatcher.turn(time.time() + later)
        until(lambda: not self.dispatcher._under_way)
        return self.deliveries.latest(100)
