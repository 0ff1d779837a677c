"""One command runs a desk, a broker and gates; what is done at the desk is so at every gate, and it goes on later."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.brokers import until
from tests.commands import answer
from tests.conftest import ROOT

pytestmark = pytest.mark.real


def test_a_whole_site_runs_from_one_command_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    common = ["--directory", tmp_path, "--gates", "2", "--models", ROOT / "var/models"]
    command = [sys.executable, "-m", "edge.cli", "site", "run", *map(str, common), "--people", "5"]
    environment = {**os.environ, "EDGE_GATE_LANGUAGE": "en", "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert running.stdout and "2 gates run" in running.stdout.readline()
    tried = [running.stdout.readline() for _ in range(6)]
    assert any("gates revoke gate-2 " in line for line in tried), "a gate that there is"
    options = ["--config", tmp_path / "desk.toml", "--credentials", tmp_path / "credentials"]
    people = answer("people", "list", *options)["people"]
    told = answer("revoke", people[0]["id"], *options)
    assert (len(people), sorted(told["confirmed_ms"]), told["pending"]) == (5, ["gate-1", "gate-2"], [])
    killed = pid_of(tmp_path / "gate-1/gate.toml")
    assert killed
    os.kill(killed, signal.SIGKILL)
    until(lambda: pid_of(tmp_path / "gate-1/gate.toml") not in (0, killed))
    running.terminate()
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 0 and "gate-1 ended and is started again" in said
    told = answer("site", "run", *common, "--people", "5", "--seconds", "1")
    assert told["people"] == 4 and set(told["gates"].values()) == {told["revision"]}
    assert answer("sync", "verify", "--store", tmp_path / "gate-2/state/list.sqlite")["problems"] == []


def pid_of(file: Path) -> int:
    """The gate process of this configuration, 0 when there is none."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = found.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if os.fsencode(file) in arguments and b"gate" in arguments:
            return int(found.parent.name)
    return 0
