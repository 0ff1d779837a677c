"""The monitoring room under load: gates' events from a real broker into the database and onto the page's stream.

`python -m bench.monitor DIRECTORY PORT GATES RATE SECONDS` is the process that sends. Its events are made and chained
by a gate's own event log beforehand, so that what is measured is the room and the broker, not the making of events.
"""

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from msgspec import Struct

from bench.outbox import _event
from edge.errors import EdgeError
from edge.eventlog import EventLog, Pending
from edge.logfile import Reader, Stored
from edge.mqtt import Address, Connection, Message
from edge.simulate import HOST, DemoBroker, Server
from edge.terms import Now
from edge.transport import DELIVERY, topic
from monitor.accounts import Accounts, Role
from monitor.database import Database
from monitor.ledger import Ledger
from monitor.recorder import signing_key
from monitor.settings import load

SITE, USER, PASSWORD = "bench", "bench", "only for this measurement"
TWICE = 100
"""Every so many events one is sent twice."""
DRAIN_S = 30.0
TURN_S = 0.002
UNCONFIRMED = 1_000

Progress = Callable[[str, int, int], None]


class Lag(Struct):
    """From handing an event to the broker to its arrival on the page's stream, in milliseconds."""

    p50: float | None
    p99: float | None


class Result(Struct):
    """`events_per_s` counts from the first event sent to the last one seen on the stream."""

    gates: int
    rate: int
    events: int
    events_per_s: float
    lag_ms: Lag
    lost: int
    duplicates_removed: int
    rss_mib: float


class Room(Server):
    """`edge-gate monitor` in a directory of its own."""

    def __init__(self, directory: Path, broker_port: int, database: str) -> None:
        super().__init__()
        self.config = directory / "monitor.toml"
        store = f"database = {msgspec.json.encode(database).decode()}\n" if database else ""
        self.config.write_text(f"[web]\nport = {self.port}\n[broker]\nport = {broker_port}\n[store]\n{store}")
        signing_key(directory / "recorder.jwk", lambda *_, **__: None)
        with Database(load(self.config).database) as kept:
            accounts = Accounts(kept)
            if not any(user.name == USER for user in accounts.users()):
                accounts.add(USER, Role.OPERATOR, PASSWORD)

    def command(self, directory: Path) -> list[str]:
        return [sys.executable, "-m", "edge.cli", "monitor", "--config", str(self.config), "--json"]

    def login(self) -> str:
        """The cookie of a session, once the room hears the broker."""
        deadline = time.monotonic() + DRAIN_S
        while self._ask("GET", "/healthz")[0] != 200:
            if time.monotonic() > deadline:
                raise EdgeError("the room does not hear the broker")
            time.sleep(0.05)
        given = msgspec.json.encode({"name": USER, "password": PASSWORD})
        return self._ask("POST", "/api/session", given)[1].partition(";")[0]

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("set-cookie", "")

    def rss_mib(self) -> float:
        """Memory that it has resident."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Stream(threading.Thread):
    """Reads the page's stream, and keeps when each event arrived."""

    def __init__(self, port: int, cookie: str) -> None:
        super().__init__(name="stream", daemon=True)
        self.arrived: dict[str, float] = {}
        self._connection = http.client.HTTPConnection(HOST, port, timeout=DRAIN_S)
        self._connection.request("GET", "/stream", headers={"Cookie": cookie})
        self._answer = self._connection.getresponse()

    def run(self) -> None:
        while line := self._answer.readline():
            if line.startswith(b"data: ["):
                now = time.monotonic()
                for news in msgspec.json.decode(line[6:]):
                    if news["site"] == SITE:
                        self.arrived.setdefault(news["id"], now)


def measure(gates: int, rate: int, seconds: float, database: str, progress: Progress) -> Result:
    """Send that many events a second in all, for so long; `progress` gets phase, done and total."""
    broker = DemoBroker()
    if broker.kind != "mosquitto":
        raise EdgeError("the room is measured with mosquitto", "install it: apt install mosquitto")
    with TemporaryDirectory(prefix="edge-gate-bench-") as directory, broker:
        work, total = Path(directory), round(rate * seconds)
        with Room(work, broker.port, database) as room:
            before = _totals(room)
            stream = Stream(room.port, room.login())
            stream.start()
            sent = _send(work, broker.port, gates, rate, total, stream, progress)
            _drain(stream, len(sent), progress)
            return _judge(room, before, stream, sent, gates, rate)


def _send(
    work: Path, port: int, gates: int, rate: int, total: int, stream: Stream, progress: Progress
) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.monitor", *map(str, (work, port, gates, rate, total))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
        watch = threading.Thread(target=_report, args=(sender, stream, total, progress), daemon=True)
        watch.start()
        assert sender.stdout
        sent: dict[str, float] = msgspec.json.decode(sender.stdout.read())
    return sent


def _report(sender: "subprocess.Popen[bytes]", stream: Stream, total: int, progress: Progress) -> None:
    while sender.poll() is None:
        progress("send", len(stream.arrived), total)
        time.sleep(0.2)


def _drain(stream: Stream, total: int, progress: Progress) -> None:
    """Wait until everything has arrived, or nothing has for a while."""
    seen, since = -1, time.monotonic()
    while len(stream.arrived) < total and time.monotonic() - since < DRAIN_S / 3:
        if len(stream.arrived) != seen:
            seen, since = len(stream.arrived), time.monotonic()
        progress("send", seen, total)
        time.sleep(0.05)


def _totals(room: Room) -> tuple[int, int]:
    with Database(load(room.config).database) as database:
        totals = Ledger(database).totals()
    return totals.events, totals.duplicates_removed


def _judge(
    room: Room, before: tuple[int, int], stream: Stream, sent: dict[str, float], gates: int, rate: int
) -> Result:
    memory, (events, duplicates) = room.rss_mib(), _totals(room)
    lags = [(stream.arrived[name] - at) * 1000 for name, at in sent.items() if name in stream.arrived]
    took = max(stream.arrived.values(), default=0.0) - min(sent.values())
    p50, p99 = (float(np.percentile(lags, q)) for q in (50, 99)) if lags else (None, None)
    recorded = events - before[0]
    return Result(
        gates, rate, len(sent), round(len(lags) / took, 1) if took > 0 else 0.0,
        Lag(*(None if value is None else round(value, 1) for value in (p50, p99))),
        len(sent) - recorded, duplicates - before[1], round(memory, 1),
    )  # fmt: skip


# The sender -----------------------------------------------------------------------------------------------------------


def made(path: Path, gate: str, number: int) -> list[Stored]:
    """So many events of a gate, as it would send them."""
    log = EventLog(path, SITE, gate)
    for first in range(1, number, 500):
        now = Now(time.monotonic(), time.time())
        log.append(Pending(*_event(each), now) for each in range(first, min(first + 500, number)))
    log.close()
    reader = Reader(path)
    found: list[Stored] = []
    while rows := reader.read(len(found), 5_000):
        found += rows
    reader.close()
    return found


def send(work: Path, port: int, gates: int, rate: int, total: int) -> None:
    """Publish at an even pace, some twice, and tell when each event was first handed over."""
    names = [f"gate-{number + 1}" for number in range(gates)]
    events = {name: made(work / f"{name}.sqlite", name, -(-total // gates)) for name in names}
    rounds = zip(*events.values(), strict=True)
    queue = [pair for each in rounds for pair in zip(names, each, strict=True)]
    links = {name: Connection(Address(HOST, port)) for name in names}
    sent: dict[str, float] = {}
    begun, done = time.monotonic(), 0
    while done < len(queue):
        due = min(len(queue), round((time.monotonic() - begun) * rate))
        for name, event in queue[done:due]:
            _publish(links[name], name, event, sent, again=len(sent) % TWICE == 0)
        done = max(done, due)
        _turn(links)
    while any(link.unconfirmed for link in links.values()):
        _turn(links)
    sys.stdout.buffer.write(msgspec.json.encode(sent))


def _publish(link: Connection, gate: str, event: Stored, sent: dict[str, float], again: bool) -> None:
    while link.unconfirmed > UNCONFIRMED:
        link.turn(TURN_S)
    message = Message(topic(SITE, gate, event.channel), event.payload, *DELIVERY[event.channel])
    sent[msgspec.json.decode(event.payload)["id"]] = time.monotonic()
    for _ in range(2 if again else 1):
        link.publish(message)


def _turn(links: dict[str, Connection]) -> None:
    for link in links.values():
        link.turn(0.0)
    time.sleep(TURN_S)


if __name__ == "__main__":
    directory, port, gates, rate, total = sys.argv[1:]
    send(Path(directory), int(port), int(gates), int(rate), int(total))
