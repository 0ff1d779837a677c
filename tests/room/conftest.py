"""A real room to test: the monitor as a process, a real broker, SQLite or a real PostgreSQL, and a gate's own code."""

import functools
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from edge.config import BrokerSection
from edge.seal import new_signing_key
from edge.simulate import HOST, Server, free_port
from edge.traffic import SimulatedGate
from monitor.acceptance import Acceptances
from monitor.access import COOKIE
from monitor.accounts import Accounts, Role
from monitor.database import Database
from monitor.settings import load
from tests.adapters.brokers import Mosquitto, until
from tests.conftest import need
from tests.room.posts import Hook, Letters, MailServer

expect.set_options(timeout=60_000)  # it is only how long a test waits in vain
get, post = (functools.partial(call, timeout=60) for call in (httpx.get, httpx.post))
CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"
PEOPLE = {"li": "operator", "wang": "operator", "zhao": "guard", "sun": "viewer", "chief": "supervisor"}


class Monitor(Server):
    """`edge-gate monitor` in a directory of its own, with an account for each of PEOPLE."""

    def __init__(self, directory: Path, broker: Mosquitto, database: str = "", extra: str = "") -> None:
        super().__init__()
        self.directory = directory
        self.cookies: dict[str, Any] = {}
        """Of who has logged in on the page."""
        self.config = directory / "monitor.toml"
        store = f'database = "{database}"' if database else ""
        self.config.write_text(
            f"[web]\nport = {self.port}\n[broker]\nport = {broker.port}\n[store]\n{store}\n"
            f"[alarms]\ncheck_hold_s = 0.5\n{extra}"
        )
        with Database(load(self.config).database) as database:
            for name, role in PEOPLE.items():
                Accounts(database).add(name, Role(role), PASSWORD)

    def command(self, directory: Path) -> list[str]:
        return [sys.executable, "-m", "edge.cli", "monitor", "--config", str(self.config)]

    @contextmanager
    def hung(self) -> Iterator[None]:
        """It does nothing any more and ends no connection, as a machine whose cable was pulled."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def call(self, path: str, who: str = "li", status: int = 200, **sent: Any) -> Any:
        """What the interface answers: a GET, or a POST of `sent` as JSON when the path is a step."""
        request: Callable[..., httpx.Response] = get
        if "/api/alarms/" in path and not path.rpartition("/")[2].isdigit():
            request = post
            answer = request(self.url + path, auth=(who, PASSWORD), json=sent)
        else:
            answer = request(self.url + path, auth=(who, PASSWORD))
        assert answer.status_code == status, answer.text
        return answer.json()

    def alarms(self, state: str = "open") -> list[Any]:
        found: list[Any] = self.call(f"/api/alarms?state={state}")["alarms"]
        return found

    def wait(self, wanted: Callable[[list[Any]], object], state: str = "open", seconds: float = 60.0) -> list[Any]:
        """The alarms, once they are as wanted."""
        until(lambda: wanted(self.alarms(state)), seconds)
        return self.alarms(state)


def enter(browser: Browser, monitor: Monitor, who: str = "li", **context: Any) -> Page:
    """Somebody who is logged in on the page; once logged in they stay so, since a room takes few logins a minute."""
    inside = browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce", **context})
    inside.add_cookies(monitor.cookies.get(who, []))
    page = inside.new_page()
    page.goto(monitor.url)
    if page.locator("#password").count():
        page.fill("#name", who)
        page.fill("#password", PASSWORD)
        page.click("button.go")
    page.wait_for_selector("#alarms")
    monitor.cookies[who] = [each for each in inside.cookies() if each["name"] == COOKIE]  # type: ignore[misc]
    return page


def row(page: Page, gate: SimulatedGate) -> Locator:
    """The alarm of a gate in the list, that a test has raised."""
    # As on a busy machine: it loses its link, and its disk is slow.
    other = re.compile("Link to the room was lost|与监控室的连接中断|Event log fault|事件日志故障")
    return page.locator("li.alarm", has_text=gate.name).filter(has_not_text=other)


class Postgres(Server):
    """A PostgreSQL cluster on a free port, thrown away at the end."""

    def __init__(self) -> None:
        super().__init__()
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        need(found, "PostgreSQL")
        self._bin = found[-1].parent

    def _as_user(self, command: list[str]) -> list[str]:
        return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command

    def prepare(self, directory: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres")
        make = [
            str(self._bin / "initdb"),
            "-D",
            f"{directory}/data",
            "-A",
            "trust",
            "-U",
            "edge",
            "-N",
            "--locale=C.UTF-8",
        ]
        subprocess.run(self._as_user([*make, "--locale=C.UTF-8"]), check=True, capture_output=True)

    def command(self, directory: Path) -> list[str]:
        options = ["-p", str(self.port), "-c", f"listen_addresses={HOST}", "-k", str(directory)]
        return self._as_user([str(self._bin / "postgres"), "-D", f"{directory}/data", *options])

    def kill(self) -> None:
        if self._process and os.geteuid() == 0:  # the child of runuser, not only runuser
            subprocess.run(["kill", "-QUIT", str(self._child())], check=False)
        super().kill()

    def _child(self) -> int:
        assert self._scratch
        return int(Path(self._scratch.name, "data/postmaster.pid").read_text().split()[0])

    @property
    def url(self) -> str:
        return f"postgresql://edge@{HOST}:{self.port}/postgres"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(CHROMIUM.exists(), "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[Mosquitto]:
    with closing(Mosquitto()) as broker:
        broker.start()
        yield broker


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with closing(Postgres()) as server:
        server.start()
        deadline = time.monotonic() + 60
        while _not_ready(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield server


def _not_ready(server: Postgres) -> bool:
    ask = [str(server._bin / "pg_isready"), "-q", "-h", HOST, "-p", str(server.port)]
    return subprocess.run(ask, check=False).returncode != 0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty one of each kind."""
    where: Path | str = tmp_path / "room.sqlite"
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgres").url, f"fresh_{secrets.token_hex(6)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        where = server.rpartition("/")[0] + f"/{name}"
    with Database(where) as database:
        yield database


@pytest.fixture
def acceptances(database: Database, tmp_path: Path) -> Acceptances:
    """What a room with a key of its own has accepted."""
    return Acceptances(database, new_signing_key(tmp_path / "recorder.jwk"))


def a_room(extra: str = "", databases: Sequence[str] = ("sqlite",)) -> Any:
    """A fixture: a running room with `extra` in its configuration, on each kind of database."""

    @pytest.fixture(scope="module", params=databases)
    def monitor(
        request: pytest.FixtureRequest, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Monitor]:
        database = request.getfixturevalue("postgres").url if request.param == "postgresql" else ""
        with Monitor(tmp_path_factory.mktemp("room"), broker, database, extra) as monitor:
            until(lambda: get(f"{monitor.url}/healthz").status_code == 200)
            yield monitor

    return monitor


monitor = a_room(databases=("sqlite", "postgresql"))


@pytest.fixture
def gate(
    monitor: Monitor, broker: Mosquitto, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[SimulatedGate]:
    """A gate that nobody walks up to, named after the test and the database."""
    name = f"gate-{abs(hash((request.node.name, str(tmp_path)))) % 10**8}"
    section = BrokerSection(host=HOST, port=broker.port)
    gate = SimulatedGate(tmp_path, name, section, monitor.directory / "recorder.pub", 0.0)
    gate.start()
    until(lambda: [each for each in monitor.call("/api/gates")["gates"] if each["name"] == name and each["last_event"]])
    yield gate
    gate.stop()


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.taken, Hook.failures = [], 0
    with HTTPServer((HOST, 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}/notices"
        server.shutdown()


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A web server that takes calls and answers none, until it is closed; nobody gives up before."""
    monkeypatch.setattr("monitor.post.PATIENCE_S", 600.0)
    with socket.create_server((HOST, 0), backlog=1000) as server:
        yield server


@pytest.fixture
def letters() -> Iterator[tuple[Letters, int]]:
    handler, port = Letters(), free_port()
    with closing(MailServer(handler, HOST, port)) as server:
        server.start()
        yield handler, port
