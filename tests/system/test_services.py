"""Desk and monitoring room as their units run them: each says when it is ready and that it lives, broker or not."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.seal import new_sealing_key
from edge.signet import DESK_KEY, new_signing_pair, write_pair
from edge.simulate import DemoBroker
from edge.whitelist import KEY

pytestmark = pytest.mark.real


@pytest.fixture(params=[True, False], ids=["connected", "without a broker"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a broker, which is there or is not."""
    with DemoBroker() as broker:
        if not request.param:
            broker.kill()
        yield broker.port


def life(root: Path, *command: object) -> list[bytes]:
    """What a supervisor hears of a service until it has given three signs of life and was told to stop."""
    line = [sys.executable, "-m", "edge.cli", *map(str, command)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(root / "notify"))
        listening.settimeout(60)
        with subprocess.Popen(line, env={**os.environ, "NOTIFY_SOCKET": str(root / "notify")}) as service:
            heard = [listening.recv(100) for _ in range(4)]
            service.terminate()
            assert service.wait(60) == 0
    return heard


def test_a_desk_says_that_it_is_ready_and_that_it_lives(tmp_path: Path, port: int) -> None:
    new_sealing_key(tmp_path / KEY)
    write_pair(tmp_path / DESK_KEY, new_signing_pair())
    file = tmp_path / "desk.toml"
    file.write_text(f'[desk]\nsite = "hq"\nstate_dir = "{tmp_path}"\n[broker]\nport = {port}\n')
    heard = life(tmp_path, "desk", "run", "--config", file, "--credentials", tmp_path)
    assert heard == [b"READY=1", *3 * [b"WATCHDOG=1"]]


def test_a_room_says_that_it_is_ready_and_that_it_lives(tmp_path: Path, port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        page = probe.getsockname()[1]
    file = tmp_path / "monitor.toml"
    file.write_text(f"[web]\nport = {page}\n[broker]\nport = {port}\n")
    assert life(tmp_path, "monitor", "--config", file) == [b"READY=1", *3 * [b"WATCHDOG=1"]]
