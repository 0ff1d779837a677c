"""`edge-gate demo`: a whole gate at work on this machine."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import JsonOption, emit, say
from edge.cli.progress import progress
from edge.i18n import N_, _


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIRECTORY", help=N_("Where the results go."))] = Path(
        "demo-out"
    ),
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = Path("var/models"),
    json: JsonOption = False,
) -> None:
    """Show a whole gate at work: people approach, a door opens or stays shut, a broker dies, nothing is lost."""
    from edge.demo import Demo

    import_module("monitor.recorder")  # what is not installed is told before anything is started
    with progress(quiet=json) as bar:
        task = bar.add_task("", total=None)

        def advance(what: str, done: int, total: int) -> None:
            bar.update(task, description=_(what) if what else "", completed=done, total=total)

        def tell(template: str, **fields: object) -> None:
            bar.update(task, visible=False)
            say(template, **fields)

        summary = Demo(out, models, (lambda template, **fields: None) if json else tell, advance).run()
    if json:
        emit(summary)
    else:
        say("{granted} granted, {denied} refused, {lost} of {events} events lost", granted=summary.granted,
            denied=summary.denied, lost=summary.events_lost, events=summary.events_published)  # fmt: skip
        if summary.granted and summary.denied:
            say("see {out}/summary.json and {out}/approach.jpg", out=out)
        else:
            say("see {out}/summary.json; a picture needs somebody who was let in and somebody who was not", out=out)
