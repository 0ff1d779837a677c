"""The commands of the monitoring room, as a person or a program runs them."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.brokers import Mosquitto, until

pytestmark = pytest.mark.real

EVENTS = 20


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
    recording = start("-m", "edge.cli", "record", *where, "--database", database, "--key", key)
    until(key.with_suffix(".pub").exists)
    sending = start("-m", "bench.outbox", "send", tmp_path, broker.port, EVENTS)
    try:
        assert watching.stdout
        seen = [json.loads(watching.stdout.readline()) for _ in range(EVENTS + 1)]
        assert [int(event["sequence"]) for event in seen] == list(range(1, EVENTS + 2))
        summary = [sys.executable, "-m", "edge.cli", "record", *where, "--database", str(database), "--summary"]
        until(lambda: _totals(summary)["events"] == EVENTS + 1)
        recording.send_signal(signal.SIGTERM)
        out, err = recording.communicate(timeout=20)
        assert (recording.returncode, err) == (0, "")
        assert json.loads(out) == {
            "gates": 1, "events": EVENTS + 1, "duplicates_removed": 0, "problems": 0, "quarantined": 0,
        }  # fmt: skip
    finally:
        for process in (watching, recording, sending):
            process.kill()
            process.communicate()


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
    try:
        while select.select([screen], [], [], 10)[0]:
            shown += os.read(screen, 65_536)
            if all(word in shown for word in (b"bench/gate-1", b"online", b"Door forced open", b"CredentialNotFound")):
                return True
        return False
    finally:
        sending.kill()
        sending.communicate()
