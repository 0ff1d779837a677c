"""The configuration that a scenario is played on: what its file leaves out is filled in, so that one line may do."""

from typing import Any

LINES = {"relay": 0, "contact": 1, "exit_button": 2, "tamper": 3, "fire": 4, "supply": 5}
URL = "rtsp://127.0.0.1/scenario"


def furnished(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables of a gate's configuration, from those that were given."""
    gate = {"site": "scenario", "name": "gate", **tables.get("gate", {})}
    doors = _doors(tables.get("door", [{}]))
    made = {**tables, "gate": gate, "door": doors, "camera": _cameras(tables.get("camera"), doors)}
    for name in ("schedule", "level", "area", "reader"):
        if isinstance(made.get(name), dict):
            made[name] = [{"name": key, **value} for key, value in made[name].items()]
    return made


def _doors(given: Any) -> list[dict[str, Any]]:
    """Doors need no lines here: what a scenario moves is there."""
    doors = [given] if isinstance(given, dict) else list(given)
    return [
        {
            "name": "main" if index == 0 else f"door-{index + 1}",
            **{key: {"line": index * 10 + line} for key, line in LINES.items()},
            **door,
            "chip": f"simulated:{index}",
        }
        for index, door in enumerate(doors)
        if isinstance(door, dict)
    ]


def _cameras(given: Any, doors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One camera a door, called like it, unless others are given."""
    if given is None:
        return [{"name": door["name"], "url": URL, "door": door["name"]} for door in doors]
    cameras = [given] if isinstance(given, dict) else list(given)
    first = doors[0]["name"] if doors else "main"
    return [{"url": URL, "door": first, "name": first, **camera} for camera in cameras if isinstance(camera, dict)]
