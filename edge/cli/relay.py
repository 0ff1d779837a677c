"""`edge-gate relay test | safe`: move a relay by hand, and drive every relay to its safe value."""

import signal
from typing import Annotated

import typer

from edge import wire
from edge.cli.common import CONFIG, ConfigOption, JsonOption, emit, say
from edge.config import Config, DoorSection, load
from edge.errors import EdgeError, HardwareError
from edge.i18n import N_
from edge.lines import outputs
from edge.trial import energise

relay = typer.Typer(help=N_("Test a relay, or drive it to its safe value."))

DoorOption = Annotated[
    str, typer.Option("--door", metavar="NAME", help=N_("Which door; needed when there are several."))
]
SecondsOption = Annotated[float, typer.Option("--seconds", min=0.1, help=N_("How long; never beyond the hard limit."))]


@relay.command("test")
def move(
    config: ConfigOption = CONFIG, door: DoorOption = "", seconds: SecondsOption = 1.0, json: JsonOption = False
) -> None:
    """Energise a relay once, for an installer who listens for the click. The gate must not be running."""
    found = load(config)
    chosen = _door(found, door)
    if seconds > chosen.hard_limit_s:
        text = "{seconds} s is longer than the hard limit of {limit} s"
        raise EdgeError(text, "shorten --seconds", seconds=seconds, limit=chosen.hard_limit_s)
    _nobody_guards(found)
    held = outputs(chosen.chip, {"relay": chosen.relay})
    if not json:
        say("{door}: active for {seconds} s, Ctrl-C ends it", door=chosen.name, seconds=seconds)
    for number in (signal.SIGTERM, signal.SIGHUP):  # a lost terminal ends it as Ctrl-C does: relays may latch
        signal.signal(number, signal.default_int_handler)
    energise(held, "relay", seconds)
    if json:
        emit({"door": chosen.name, "chip": chosen.chip, "line": chosen.relay.line, "seconds": seconds})
    else:
        say("{door}: inactive again", door=chosen.name)


@relay.command()
def safe(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Drive every relay inactive; the service unit calls this after the relay guard has ended."""
    from edge.relay import safe as drive

    found = load(config)
    problems = drive(found)
    if json:
        emit({"doors": [door.name for door in found.door], "problems": [str(problem) for problem in problems]})
    elif not problems:
        say("inactive: {doors}", doors=", ".join(door.name for door in found.door))
    for problem in [] if json else problems:
        say("{problem}", problem=problem)
    if problems:
        raise typer.Exit(1)


def _door(config: Config, name: str) -> DoorSection:
    doors = {door.name: door for door in config.door}
    if name in doors:
        return doors[name]
    if not name and len(doors) == 1:
        return config.door[0]
    raise EdgeError("--door must be one of: {names}", names=", ".join(doors))


def _nobody_guards(config: Config) -> None:
    """A simulated chip can be shared, a real one not; in both cases two masters of a relay are one too many."""
    try:
        wire.connect(config.socket("relay"), wire.RelayReport).close()
    except EdgeError:
        return
    raise HardwareError("the relay guard is running and holds the relay", "stop it: systemctl stop edge-gate-relay")
