"""The demonstration as `make demo` runs it: portraits, film, stream, networks, broker and room, all for real."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

KEYS = {
    "granted", "denied", "relay_pulses", "events_published", "events_lost", "decision_ms", "n_decisions", "pack",
}  # fmt: skip
"""What a check outside the repository reads."""


def test_everybody_is_decided_right_and_every_event_outlives_the_broker(tmp_path: Path, weights: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "demo", "--out", str(tmp_path), "--models", str(weights), "--json"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert json.loads(told.stdout) == summary
    assert summary.keys() >= KEYS
    assert summary["granted"] >= 1 and summary["denied"] >= 1
    assert summary["granted"] + summary["denied"] == summary["n_decisions"] >= 10
    assert summary["relay_pulses"] == summary["granted"]
    assert (summary["events_lost"], summary["in_order"]) == (0, True)
    assert summary["events_published"] > 2 * summary["n_decisions"]
    assert 0 < summary["decision_ms"]["p50"] <= summary["decision_ms"]["p95"]
    picture = cv2.imread(str(tmp_path / "approach.jpg"))
    assert picture is not None and picture.shape[1] > 600
