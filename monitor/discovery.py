"""Gates as devices of Home Assistant, by its MQTT discovery: what to look at in the state that they publish anyway.

Nothing can be commanded that way. The format is the device discovery of Home Assistant 2024.11 and later.
"""

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from edge.i18n import N_
from edge.mqtt import Message
from edge.transport import Channel, topic
from monitor.words import NAMELESS, Names, called, where, word

ONLINE = N_("link")


def device(
    prefix: str, site: str, gate: str, doors: Iterable[str], cameras: Iterable[str],
    translate: Callable[[str], str], names: Names = NAMELESS,
) -> Message:  # fmt: skip
    """The retained message that makes one gate a device below the discovery `prefix`."""
    said = f"edge-gate-{site}-{gate}"
    components = {"online": _sensor(translate(ONLINE), "connectivity", "value_json.status == 'online'")}
    for door in doors:
        state, title = f"value_json.gate.doors[{_quoted(door)}]", where(f"door/{door}", translate, names)
        components[f"door_{door}"] = _sensor(title, "door", f"{state}.physical == 'Open'")
        components[f"lock_{door}"] = _sensor(title, "lock", f"{state}.mode != 'Locked'")
    for camera in cameras:
        state, title = f"value_json.gate.cameras[{_quoted(camera)}]", where(f"camera/{camera}", translate, names)
        flowing = f"{state}.status in ('streaming', 'changed')"
        components[f"camera_{camera}"] = _sensor(title, "problem", f"not {flowing}")
    degraded = "value_json.gate.degraded | default({}) | length > 0"
    components["degraded"] = _sensor(translate(word("degraded")), "problem", degraded)
    for name, component in components.items():
        component["unique_id"] = f"{said}-{name}"
    document = {
        "device": {"identifiers": [said], "name": called(f"{site}/{gate}", names), "manufacturer": "edge-gate"},
        "origin": {"name": "edge-gate monitor", "sw_version": version("edge-gate")},
        "state_topic": topic(site, gate, Channel.STATE),
        "components": components,
    }
    return Message(f"{prefix}/device/{said}/config", msgspec.json.encode(document), 1, True)


def _sensor(title: str, kind: str, is_on: str) -> dict[str, Any]:
    template = f"{{{{ 'ON' if {is_on} else 'OFF' }}}}"
    return {"platform": "binary_sensor", "name": title, "device_class": kind, "value_template": template}


def _quoted(name: str) -> str:
    """As a text of a template; what a gate sends is data there, never code."""
    return msgspec.json.encode(name).decode().replace("{", "\\u007b").replace("}", "\\u007d").replace("%", "\\u0025")
