"""Gates as devices of Home Assistant: what it is told, evaluated as it evaluates it."""

import json
import re

import pytest
from jinja2.sandbox import SandboxedEnvironment

from edge.i18n import speaking
from edge.mqtt import Address, Connection, Message
from edge.simulate import HOST
from edge.traffic import SimulatedGate
from monitor.discovery import device
from tests.adapters.brokers import Mosquitto, until
from tests.room.conftest import Monitor, a_room

HOSTILE = "x'] }}{{ 7*7 }}{% if"


monitor = a_room('[home_assistant]\nprefix = "ha"\n')


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


DEVICE = {"identifiers", "connections", "name", "manufacturer", "model", "model_id", "hw_version", "sw_version",
          "serial_number", "suggested_area", "configuration_url", "via_device"}  # fmt: skip
SHARED = {"availability", "availability_mode", "availability_template", "availability_topic", "command_topic",
          "payload_available", "payload_not_available", "state_topic"}  # fmt: skip
SENSOR = {"platform", "name", "device_class", "value_template", "unique_id", "expire_after", "force_update", "icon",
          "off_delay", "payload_on", "payload_off", "entity_category", "enabled_by_default", "qos", "encoding",
          "object_id", "json_attributes_topic", "json_attributes_template"}  # fmt: skip
CLASSES = {"connectivity", "door", "lock", "problem"}
"""The keys that device discovery and binary sensors take, and classes of these (Home Assistant's documentation)."""


def test_the_message_has_what_home_assistant_requires_and_no_key_that_it_does_not_know() -> None:
    told = json.loads(device("ha", "hq", "lobby", ["main", "side"], ["front"], speaking("zh_CN")).payload)
    assert (
        {"device", "origin", "components"}
        <= set(told)
        <= {"device", "origin", "components", "qos", "encoding"} | SHARED
    )
    assert set(told["device"]) <= DEVICE and told["device"]["identifiers"]
    assert {"name"} <= set(told["origin"]) <= {"name", "sw_version", "support_url"}
    for each in told["components"].values():
        assert {"platform", "unique_id"} <= set(each) <= SENSOR | SHARED
        assert each["platform"] == "binary_sensor" and each["device_class"] in CLASSES


def test_topics_are_those_of_device_discovery_whatever_a_gate_is_called() -> None:
    message = device("homeassistant", "hq", "lobby-2", [], [], speaking("en"))
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", message.topic) and message.retain


@pytest.mark.real
def test_a_gate_becomes_a_device_that_stays(monitor: Monitor, broker: Mosquitto, gate: SimulatedGate) -> None:
    listener = Connection(Address(HOST, broker.port), [f"ha/device/edge-gate-demo-{gate.name}/config"])
    heard: list[Message] = []
    until(lambda: heard or heard.extend(listener.turn(0.2)))
    listener.close()
    assert set(json.loads(heard[0].payload)["components"]) == {
        "online", "door_main", "lock_main", "camera_entrance", "degraded",
    }  # fmt: skip
