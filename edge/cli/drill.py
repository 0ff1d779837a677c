"""`edge-gate drill`: does this gate still do what it is there for?"""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.progress import progress
from edge.config import Config, Credentials, load
from edge.errors import EdgeError
from edge.i18n import N_, _

Gate = Annotated[str, typer.Option("--gate", metavar="NAME", help=N_("The gate, that of the configuration."))]
Camera = Annotated[str, typer.Option("--camera", metavar="NAME", help=N_("The camera; otherwise the first one."))]
Film = Annotated[
    Path | None, typer.Option("--clip", metavar="FILE", help=N_("The recorded approach; otherwise drill.clip."))
]
Person = Annotated[str, typer.Option("--person", metavar="ID", help=N_("Who is on it; otherwise drill.person."))]
Due = Annotated[
    bool,
    typer.Option("--if-due", help=N_("Only if the time for one to be passed (drill.every_days) is running out.")),
]
DUE = 0.9
"""From which share of that time on: what fails once can be done again before it is an alarm."""


class Waits(NamedTuple):
    """Why no drill is due, and for how long; no days where none ever is."""

    why: str
    days: float | None


def _waits(config: Config, now: float) -> Waits | None:
    from edge.drillbook import passed_at

    every = config.drill.every_days
    if not every:
        return Waits(N_("drill.every_days asks for no drill"), None)
    left = DUE * every - (now - passed_at(config.state)) / 86_400
    return Waits(N_("the next drill is due in {days} days"), round(left, 1)) if left > 0 else None


def drill(
    gate: Gate = "",
    camera: Camera = "",
    clip: Film = None,
    person: Person = "",
    if_due: Due = False,
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Play a recorded approach through the gate's real way beside the gate in service, with a simulated relay."""
    import time

    from edge.drill import Clip
    from edge.drill import drill as rehearse
    from edge.drillbook import leave

    found = load(config)
    if if_due and (waits := _waits(found, time.time())):
        if json:
            emit({"due": False, "in_days": waits.days})
        else:
            say(waits.why, days=waits.days)
        return
    if gate not in ("", found.gate.name):
        raise EdgeError(
            "{path} is the configuration of {name}, not of {gate}", path=config, name=found.gate.name, gate=gate
        )
    film = clip or Path(found.drill.clip)
    with progress(quiet=json) as bar:
        bar.add_task(_("a recorded approach goes the gate's way"), total=None)
        shown = Clip(film, person or found.drill.person)
        report = rehearse(found, Credentials(credentials).directory, shown, camera)
    leave(found.state, report, time.time())
    if json:
        emit(report)
    elif report.passed:
        say("passed: recognised, {took:.0f} ms to the relay, every alarm worked", took=report.decision_ms or 0.0)
    else:
        say("failed: {why}", why=report.detail)
    if not report.passed:
        raise typer.Exit(1)
