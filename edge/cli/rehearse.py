"""`edge-gate simulate`: play a scenario to the real rules, without a door."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from edge.cli.common import JsonOption, emit, say
from edge.i18n import N_


def simulate(
    scenario: Annotated[
        Path,
        typer.Option("--scenario", metavar="FILE", help=N_("A configuration and timed facts; see docs/scenarios.md.")),
    ],
    json: JsonOption = False,
) -> None:
    """Play a scenario to the gate's rules in simulated time and show every effect and event in order."""
    from edge.rehearsal import rehearse
    from edge.scenario import read

    outcome = rehearse(read(scenario))
    if json:
        emit(outcome)
        return
    if outcome.title:
        typer.echo(outcome.title)
    for effect in outcome.effects:
        typer.echo(_line(effect))
    for name, door in outcome.doors.items():
        say("door {door}: {mode}, {physical}", door=name, mode=door.mode, physical=door.physical)
    for area, people in outcome.inside.items():
        say("in {area}: {people}", area=area, people=", ".join(people))


def _line(effect: dict[str, Any]) -> str:
    """One effect on one line: second, place, what, and its particulars."""
    left = {key: value for key, value in effect.items() if key not in ("at", "effect", "door", "subject", "event")}
    left = left.get("data", left)
    what = effect.get("event") or effect["effect"]
    place = effect.get("subject") or f"door/{effect['door']}"
    short = {key: value for key, value in left.items() if key != "evidence" and value not in (None, "")}
    return f"{effect['at']:9.3f}  {place:16}  {what:24}  {msgspec.json.encode(short).decode()}"
