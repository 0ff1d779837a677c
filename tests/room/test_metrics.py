"""What Prometheus reads of the room, and that the dashboard shows all of it and asks for nothing else."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.traffic import SimulatedGate
from tests.adapters.brokers import until
from tests.room.conftest import PASSWORD, Monitor, get

pytestmark = [pytest.mark.real, pytest.mark.parametrize("monitor", ["sqlite"], indirect=True)]
DASHBOARD = Path(__file__).parents[2] / "config/grafana-dashboard.json"


def scraped(monitor: Monitor) -> dict[str, dict[str, float]]:
    """Value by gate (empty for the room's own), by name."""
    text = get(f"{monitor.url}/metrics", auth=("sun", PASSWORD)).text
    families = text_string_to_metric_families(text)
    return {each.name: {s.labels.get("gate", ""): s.value for s in each.samples} for each in families}


def test_gates_and_room_are_measured_and_the_dashboard_shows_just_that(monitor: Monitor, gate: SimulatedGate) -> None:
    until(lambda: gate.name in scraped(monitor)["edge_gate_camera_frames_per_second"])
    found = scraped(monitor)
    assert found["edge_gate_up"][gate.name] == found["edge_gate_broker_connected"][""] == 1.0
    assert found["edge_gate_camera_frames_per_second"][gate.name] > 10
    assert found["edge_gate_whitelist_revision"][gate.name] == 12
    asked = re.findall(r"edge_gate_\w+", json.dumps(json.loads(DASHBOARD.read_text())["panels"]))
    assert set(asked) == {name for name in found if name.startswith("edge_gate_")}
    assert get(f"{monitor.url}/metrics").status_code == 401
