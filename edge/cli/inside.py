"""`edge-gate inside`: who is inside, by area."""

import math
from datetime import datetime
from typing import NamedTuple

import typer

from edge.cli.common import CONFIG, ConfigOption, JsonOption, emit, say
from edge.config import load


class Inside(NamedTuple):
    """Somebody who was let in and not seen leaving; `overdue` after the area's `forget_after_s`."""

    person: str
    since: str
    overdue: bool


def inside(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """List who is inside, by area, for an evacuation; needs nothing but the files of this gate."""
    from edge.places import INSIDE
    from edge.places import load as places

    loaded = load(config)
    zone = loaded.calendar.zone
    now, limits = datetime.now(zone), {area.name: area.forget_after_s for area in loaded.area}
    areas: dict[str, list[Inside]] = {}
    for person, place in sorted(places(loaded.state / INSIDE).items()):
        overdue = now.timestamp() - place.since >= limits.get(place.area, math.inf)
        since = datetime.fromtimestamp(place.since, zone).isoformat(sep=" ", timespec="minutes")
        areas.setdefault(place.area, []).append(Inside(person, since, overdue))
    if json:
        emit({area: [each._asdict() for each in people] for area, people in areas.items()})
        return
    if not areas:
        say("nobody is known to be inside")
    for area, people in sorted(areas.items()):
        say("{area}: {count} people", area=area, count=len(people))
        for each in people:
            typer.echo(f"  [ ] {each.person:32}  {each.since}{' ?' if each.overdue else ''}")
    if any(each.overdue for people in areas.values() for each in people):
        say("?: longer than forget_after_s; may have left unseen")
    say("as of {time}", time=now.isoformat(sep=" ", timespec="minutes"))
