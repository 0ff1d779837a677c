"""The configuration that a scenario is played on: what its file leaves out is filled in, so that one line may do."""

from typing import Any

LINES = {"relay": 0, "contact": 1, "exit_button": 2, "tamper": 3, "fire": 4, "supply": 5}
URL = "rtsp://127.0.0.1/scenario"


def furnished(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables of a gate's configuration, from those that were given; what is none stays as it is, to be told of."""
    gate = tables.get("gate", {})
    if isinstance(gate, dict):
        gate = {"site": "scenario", "name": "gate", **gate}
    doors = [_door(*each) for each in enumerate(_several(tables.get("door", [{}])))]
    made = {**tables, "gate": gate, "door": doors, "camera": _cameras(tables.get("camera"), doors)}
    for name in ("schedule", "level", "area", "reader"):
        if isinstance(made.get(name), dict):
            named = made[name].items()
            made[name] = [{"name": key, **value} if isinstance(value, dict) else value for key, value in named]
    return made


def _several(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _door(index: int, door: Any) -> Any:
    """It needs no lines here: what a scenario moves is there."""
    if not isinstance(door, dict):
        return door
    name = "main" if index == 0 else f"door-{index + 1}"
    lines = {key: {"line": index * 10 + line} for key, line in LINES.items()}
    return {"name": name, **lines, **door, "chip": f"simulated:{index}"}


def _cameras(given: Any, doors: list[Any]) -> list[Any]:
    """One camera a door, called like it, unless others are given."""
    names = [door["name"] for door in doors if isinstance(door, dict)]
    if given is None:
        return [{"name": name, "url": URL, "door": name} for name in names]
    first = names[0] if names else "main"
    each = {"url": URL, "door": first, "name": first}
    return [{**each, **camera} if isinstance(camera, dict) else camera for camera in _several(given)]
