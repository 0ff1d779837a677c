"""`edge-gate inside`: who is inside, by area."""

from datetime import datetime
from zoneinfo import ZoneInfo

import typer

from edge.cli.common import CONFIG, ConfigOption, JsonOption, emit, say
from edge.config import load


def inside(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """List who is inside, by area, for an evacuation; needs nothing but the files of this gate."""
    from edge.places import load as places

    loaded = load(config)
    zone = ZoneInfo(loaded.calendar.time_zone)
    areas: dict[str, list[tuple[str, str]]] = {}
    for person, place in sorted(places(loaded.state / "inside.json").items()):
        since = datetime.fromtimestamp(place.since, zone).isoformat(sep=" ", timespec="minutes")
        areas.setdefault(place.area, []).append((person, since))
    if json:
        emit({area: [{"person": person, "since": since} for person, since in people] for area, people in areas.items()})
        return
    if not areas:
        say("nobody is known to be inside")
    for area, people in sorted(areas.items()):
        say("{area}: {count} people", area=area, count=len(people))
        for person, since in people:
            typer.echo(f"  [ ] {person:32}  {since}")
    say("as of {time}", time=datetime.now(zone).isoformat(sep=" ", timespec="minutes"))
