"""The commands of the monitoring room, as a person or a program runs them."""

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.mqtt import Address, Connection, Message
from edge.seal import GENESIS
from edge.simulate import HOST
from edge.transport import Channel, topic
from tests.adapters.brokers import Mosquitto, until
from tests.room.test_monitor import link

pytestmark = pytest.mark.real

EVENTS, PROBE = 20, "probe"


@pytest.fixture
def broker() -> Iterator[Mosquitto]:
    with closing(Mosquitto()) as broker:
        broker.start()
        yield broker


def start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_a_gate_sends_is_watched_and_recorded(broker: Mosquitto, tmp_path: Path) -> None:
    key, database = tmp_path / "recorder.jwk", tmp_path / "events.sqlite"
    where = ("--broker", f"127.0.0.1:{broker.port}", "--json")
    watching = start("-m", "edge.cli", "watch", *where)
    _watches(watching, broker)
    recording = start("-m", "edge.cli", "record", *where, "--database", database, "--key", key)
    public = key.with_suffix(".pub")
    until(lambda: public.exists() and public.stat().st_size > 0)
    sending = start("-m", "bench.outbox", "send", tmp_path, broker.port, EVENTS)
    try:
        assert watching.stdout
        told = (event for event in map(json.loads, watching.stdout) if event["source"] != f"/demo/{PROBE}")
        seen = list(itertools.islice(told, EVENTS + 1))
        assert [int(event["sequence"]) for event in seen] == list(range(1, EVENTS + 2))
        summary = [sys.executable, "-m", "edge.cli", "record", *where, "--database", str(database), "--summary"]
        until(lambda: _totals(summary)["events"] == EVENTS + 1)
        recording.send_signal(signal.SIGTERM)
        out, err = recording.communicate(timeout=60)
        assert (recording.returncode, err) == (0, "")
        assert json.loads(out) == {
            "gates": 1, "events": EVENTS + 1, "duplicates_removed": 0, "problems": 0, "quarantined": 0,
        }  # fmt: skip
    finally:
        for process in (watching, recording, sending):
            process.kill()
            process.communicate()


def _watches(watching: "subprocess.Popen[str]", broker: Mosquitto) -> None:
    """Wait until it has subscribed: what is sent before is not shown."""
    assert watching.stdout
    connection = Connection(Address(HOST, broker.port))

    def shown() -> bool:
        connection.publish(Message(topic("demo", PROBE, Channel.EVENT), link(PROBE, 1, GENESIS)))
        connection.turn(0.1)
        return bool(select.select([watching.stdout], [], [], 0.1)[0])

    until(shown)
    connection.close()


def _totals(command: list[str]) -> dict[str, int]:
    found: dict[str, int] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def test_the_live_view_shows_gates_alarms_and_events(broker: Mosquitto, tmp_path: Path) -> None:
    screen, behind = os.openpty()
    size = {**os.environ, "COLUMNS": "160", "LINES": "50", "TERM": "xterm", "EDGE_GATE_LANGUAGE": "en"}
    command = [sys.executable, "-m", "edge.cli", "watch", "--broker", f"127.0.0.1:{broker.port}"]
    watching = subprocess.Popen(command, stdin=behind, stdout=behind, stderr=behind, env=size)
    try:
        # What was sent before the view had subscribed is not shown: it is sent anew.
        assert any(_seen(screen, broker, tmp_path / str(attempt)) for attempt in range(5))
    finally:
        watching.kill()
        watching.wait()
        os.close(screen)
        os.close(behind)


def _seen(screen: int, broker: Mosquitto, directory: Path) -> bool:
    """Whether everything that a gate sends comes up on the screen."""
    directory.mkdir()
    sending, shown = start("-m", "bench.outbox", "send", directory, broker.port, EVENTS + 30), b""
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:  # the screen is drawn again every second, whatever is on it
            if select.select([screen], [], [], 1.0)[0]:
                shown += os.read(screen, 65_536)
            if all(word in shown for word in (b"bench/gate-1", b"online", b"Door forced open", b"nobody enrolled")):
                return True
        return False
    finally:
        sending.kill()
        sending.communicate()
