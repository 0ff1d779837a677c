"""`edge-gate bench`: the measurements that the README quotes."""

from typing import Annotated

import typer

from edge.cli.common import JsonOption, emit, say
from edge.cli.progress import progress
from edge.i18n import N_, _

bench = typer.Typer(add_completion=False)
"""A measurement is a command of this group and a module of the package `bench`, imported when it is run."""


@bench.callback()
def group() -> None: ...


@bench.command(
    help=N_("Record events while the broker is away, then deliver them through one that is killed on the way.")
)
def outbox(
    events: Annotated[int, typer.Option(min=2, max=1_000_000, help=N_("How many events."))] = 50_000,
    json: JsonOption = False,
) -> None:
    import msgspec

    from bench.outbox import measure

    phases = {"append": _("Recording without a broker"), "deliver": _("Delivering")}
    with progress(quiet=json) as bar:
        tasks = {phase: bar.add_task(text, total=events, start=False) for phase, text in phases.items()}
        result = measure(events, lambda phase, done, total: bar.update(tasks[phase], completed=done, total=total))
    if json:
        emit(result)
        return
    say(
        "{events} events: {appended_per_s} recorded a second, {delivered_per_s} delivered a second",
        **msgspec.structs.asdict(result),
    )
    say("lost {lost}, duplicates removed {duplicates_removed}, in order: {in_order}", **msgspec.structs.asdict(result))
