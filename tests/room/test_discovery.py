"""Gates as devices of Home Assistant: what it is told, evaluated as it evaluates it."""

import json
from collections.abc import Iterator

import pytest
from jinja2.sandbox import SandboxedEnvironment

from edge.i18n import speaking
from edge.mqtt import Address, Connection, Message
from edge.simulate import HOST
from edge.traffic import SimulatedGate
from monitor.discovery import device
from tests.adapters.brokers import Mosquitto, until
from tests.room.conftest import Monitor

HOSTILE = "x'] }}{{ 7*7 }}{% if"


@pytest.fixture(scope="module")
def monitor(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    extra = '[home_assistant]\nprefix = "ha"\n'
    with Monitor(tmp_path_factory.mktemp("discovery"), broker, extra=extra) as monitor:
        yield monitor


def test_what_is_looked_at_is_in_the_state_and_a_name_is_no_code() -> None:
    message = device("ha", "hq", "lobby", ["main", HOSTILE], ["front"], speaking("en"), {"hq/lobby": "大厅"})
    told = json.loads(message.payload)
    assert (message.topic, message.retain) == ("ha/device/edge-gate-hq-lobby/config", True)
    assert told["device"]["name"] == "大厅" and told["state_topic"] == "edge/v1/hq/lobby/state"
    doors = {name: {"mode": "Locked", "physical": "Open"} for name in ("main", HOSTILE)}
    gate = {"doors": doors, "cameras": {"front": {"status": "stalled"}}, "degraded": {"fire": ""}}
    state = {"status": "online", "gate": gate}
    seen = {
        name: SandboxedEnvironment().from_string(each["value_template"]).render(value_json=state)
        for name, each in told["components"].items()
    }
    off = {"lock_main", f"lock_{HOSTILE}"}
    assert {name for name, value in seen.items() if value == "OFF"} == off and set(seen.values()) == {"ON", "OFF"}
    assert len({each["unique_id"] for each in told["components"].values()}) == len(seen) == 7


@pytest.mark.real
def test_a_gate_becomes_a_device_that_stays(monitor: Monitor, broker: Mosquitto, gate: SimulatedGate) -> None:
    listener = Connection(Address(HOST, broker.port), [f"ha/device/edge-gate-demo-{gate.name}/config"])
    heard: list[Message] = []
    until(lambda: heard or heard.extend(listener.turn(0.2)))
    listener.close()
    assert set(json.loads(heard[0].payload)["components"]) == {
        "online", "door_main", "lock_main", "camera_entrance", "degraded",
    }  # fmt: skip
