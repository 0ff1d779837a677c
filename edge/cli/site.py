"""`edge-gate site run`: a desk, a broker and gates on this machine, to see them work together."""

import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.common import JsonOption, emit, say
from edge.errors import EdgeError
from edge.i18n import N_

if TYPE_CHECKING:
    from edge.town import Town

site = typer.Typer()
ENDING = {signal.SIGTERM, signal.SIGINT}
LOOK_S = 0.2
READY_S = 120.0
TRY = ("people list", "sync status", "revoke ID", "people erase ID", "gates revoke {gate}", "audit verify")


@site.callback()
def group() -> None: ...


@site.command()
def run(
    directory: Annotated[
        Path | None,
        typer.Option("--directory", metavar="DIRECTORY", help=N_("Keep the site here and go on with it next time.")),
    ] = None,
    gates: Annotated[int, typer.Option("--gates", min=1, max=100, help=N_("How many gates."))] = 7,
    people: Annotated[
        int, typer.Option("--people", min=0, max=100_000, help=N_("How many invented people are enrolled at first."))
    ] = 20,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = Path("/var/lib/edge-gate/models"),
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, max=604800, help=N_("How long; otherwise until interrupted."))
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run a desk, a broker with TLS and access list, and gate processes; a process that ends is started again."""
    from edge.town import Town

    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    with TemporaryDirectory(prefix="edge-gate-site-") as scratch:
        town = Town(directory or Path(scratch), models, [f"gate-{number}" for number in range(1, gates + 1)])
        try:
            revision = _start(town, people)
            if not json:
                _explain(town)
            _keep(town, seconds, quiet=json)
            if json:
                found = {name: contact.revision for name, contact in town.office().contacts().items()}
                emit({"gates": found, "revision": revision, "people": len(town.office().entries())})
        finally:
            town.close()


def _start(town: "Town", people: int) -> int:
    """Start everything and wait until every gate runs the list; its revision."""
    if people and not town.people().revision():
        town.enroll(people)
    town.broker.start()
    town.start_desk()
    for name in town.sites:
        town.start_gate(name)
    until, office = time.monotonic() + READY_S, town.office()
    trusted = [gate.name for gate in office.gates() if not gate.revoked_at]
    while True:
        revision, contacts = town.people().revision(), office.contacts()
        behind = [name for name in trusted if name not in contacts or contacts[name].revision < revision]
        if not behind:
            return revision
        if time.monotonic() > until:
            text, names = "{names} did not come to run the list; see the logs in {path}", ", ".join(behind)
            raise EdgeError(text, names=names, path=town.root)
        _rest(town, LOOK_S)


def _explain(town: "Town") -> None:
    text, port = "a desk, a broker on port {port} and {count} gates run in {path}; try:", town.broker.port
    say(text, port=port, count=len(town.sites), path=town.root)
    options, last = " ".join(town.options), list(town.sites)[-1]
    for command in TRY:
        typer.echo(f"  edge-gate {command.format(gate=last)} {options}")


def _keep(town: "Town", seconds: float | None, quiet: bool) -> None:
    until = time.monotonic() + seconds if seconds else None
    while until is None or time.monotonic() < until:
        if signal.sigtimedwait(ENDING, LOOK_S):
            return
        for name in town.tend():
            if not quiet:
                say("{name} ended and is started again", name=name)


def _rest(town: "Town", seconds: float) -> None:
    """Wait, unless told to end."""
    if signal.sigtimedwait(ENDING, seconds):
        raise KeyboardInterrupt
    town.tend()
