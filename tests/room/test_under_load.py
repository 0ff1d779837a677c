"""The room is measured by a command, and shown with a simulated site by another."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from edge.simulate import HOST, free_port
from edge.traffic import names
from tests.adapters.brokers import until
from tests.commands import answer, complaint

pytestmark = [pytest.mark.real, pytest.mark.timed]


def test_what_is_sent_arrives_on_the_page_once_and_soon() -> None:
    told = answer("bench", "monitor", "--gates", "2", "--rate", "150", "--seconds", "2")
    assert told.keys() == {
        "gates", "rate", "events", "events_per_s", "lag_ms", "lost", "duplicates_removed", "rss_mib",
    }  # fmt: skip
    assert (told["events"], told["lost"], told["duplicates_removed"]) == (300, 0, 3)
    assert 0 < told["lag_ms"]["p50"] <= told["lag_ms"]["p99"] < 5000 and told["rss_mib"] > 10


def test_a_whole_site_can_be_tried_with_one_command(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "edge.cli", "simulate-site", "--room", str(tmp_path), "--port", str(port)]
    with subprocess.Popen([*command, "--gates", "3", "--people", "2"], stdout=subprocess.PIPE, text=True) as trying:
        try:
            assert trying.stdout and str(port) in trying.stdout.readline()
            site = httpx.Client(
                base_url=f"http://{HOST}:{port}/api/", auth=("li", trying.stdout.readline().split()[-1])
            )
            with site:
                until(lambda: online(site) == sorted(names(3)))
                until(lambda: "AccessTaken" in site.get("events?limit=1000").text)
                plans = site.get("plans").json()
                assert {plan["kind"] for plan in plans["plans"]} == {"inspection", "drill"} and plans["patrols"]
                until(lambda: any(each["last"] for each in site.get("plans").json()["plans"]))  # the drill
        finally:
            trying.send_signal(signal.SIGINT)
        assert trying.wait(60) == 0


def online(site: httpx.Client) -> list[str]:
    return [gate["name"] for gate in site.get("gates", timeout=20).json()["gates"] if gate["status"] == "online"]


def test_a_site_needs_a_broker_or_a_room() -> None:
    assert "--broker" in complaint("simulate-site")
    assert "mqtt://HOST:PORT" in complaint("simulate-site", "--broker", "http://x")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"mqtt://127.0.0.1:{nobody.getsockname()[1]}"
        assert f"no broker answers at {gone[7:]}: connection refused" in complaint(
            "simulate-site", "--broker", gone, "--seconds", "1"
        )
