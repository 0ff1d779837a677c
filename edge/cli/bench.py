"""`edge-gate bench`: the measurements that the README quotes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from edge import models as packs
from edge.cli.common import JsonOption, emit, say
from edge.cli.progress import progress
from edge.i18n import N_, _

bench = typer.Typer(add_completion=False)
"""A measurement is a command of this group and a module of the package `bench`, imported when it is run."""


@bench.callback()
def group() -> None: ...


@contextmanager
def _shown(phases: dict[str, str], quiet: bool) -> Iterator[Callable[[str, float, float], None]]:
    """A bar for each phase, and what a measurement tells its progress to: the phase, what is done, of how much."""
    with progress(quiet=quiet) as bar:
        tasks = {phase: bar.add_task(text, total=None, start=False) for phase, text in phases.items()}
        yield lambda phase, done, total: bar.update(tasks[phase], completed=done, total=total)


def _tell(result: object, json: bool) -> None:
    """A result as one line of JSON, or a line a key."""
    if json:
        emit(result)
        return
    for name, value in msgspec.to_builtins(result).items():
        typer.echo(f"{name}: {msgspec.json.encode(value).decode()}")


@bench.command(
    help=N_("Record events while the broker is away, then deliver them through one that is killed on the way.")
)
def outbox(
    events: Annotated[int, typer.Option(min=2, max=1_000_000, help=N_("How many events."))] = 50_000,
    json: JsonOption = False,
) -> None:
    from bench.outbox import measure

    phases = {"append": _("Recording without a broker"), "deliver": _("Delivering")}
    with _shown(phases, json) as show:
        result = measure(events, show)
    if json:
        emit(result)
        return
    say(
        "{events} events: {appended_per_s} recorded a second, {delivered_per_s} delivered a second",
        **msgspec.structs.asdict(result),
    )
    say("lost {lost}, duplicates removed {duplicates_removed}, in order: {in_order}", **msgspec.structs.asdict(result))


@bench.command(help=N_("Play a film to a whole gate: what a frame costs, how old it gets, how soon it decides."))
def pipeline(
    video: Annotated[
        Path,
        typer.Option("--video", metavar="FILE", exists=True, dir_okay=False, help=N_("Served as a camera, looped.")),
    ],
    pack: Annotated[str, typer.Option("--pack", metavar="PACK", help=N_("The model pack."))],
    seconds: Annotated[float, typer.Option("--seconds", min=5, max=3600, help=N_("How long it plays."))] = 60.0,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    from bench.pipeline import measure

    phases = {"enrol": _("Enrolling"), "play": _("Playing the film"), "idle": _("Looking at an empty hall")}
    with _shown(phases, json) as show:
        result = measure(video, pack, models, seconds, show)
    _tell(result, json)


@bench.command(
    help=N_("Hold a pass before a camera: how soon it opens, and what looking for passes costs an idle eye.")
)
def passes(
    pack: Annotated[str, typer.Option("--pack", metavar="PACK", help=N_("The model pack."))] = "zoo",
    runs: Annotated[int, typer.Option("--runs", min=1, max=20, help=N_("How often the whole."))] = 3,
    showings: Annotated[int, typer.Option("--showings", min=1, max=100, help=N_("How often the pass in each."))] = 3,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    from bench.passes import measure

    with _shown({"run": _("Holding up a pass")}, json) as show:
        result = measure(pack, models, runs, showings, show)
    _tell(result, json)


@bench.command(help=N_("Compare what one face costs in ONNX Runtime, as the gate runs it, and in OpenVINO."))
def runtime(
    pack: Annotated[str, typer.Option("--pack", metavar="PACK", help=N_("The model pack."))],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIRECTORY", file_okay=False, exists=True, help=N_("Where published files are.")
        ),
    ] = None,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    from bench.runtime import measure

    with progress(quiet=json) as bar:
        task = bar.add_task(_("Running both in turn"), total=None)
        result = measure(pack, models, source, lambda done, total: bar.update(task, completed=done, total=total))
    if json:
        emit(result)
        return
    for each in result.networks:
        say("{file}: {ours} ms, OpenVINO {theirs} ms", file=each.file, ours=each.onnxruntime_ms,
            theirs=each.openvino_ms)  # fmt: skip
    say("one face: {ours} ms, OpenVINO {theirs} ms, ratio {ratio}", ours=result.onnxruntime_ms,
        theirs=result.openvino_ms, ratio=result.ratio)  # fmt: skip


@bench.command(help=N_("Play a recorded day at four doors to the gate's rules: how many facts a second they take."))
def core(json: JsonOption = False) -> None:
    from bench.core import measure

    result = measure()
    if json:
        emit(result)
        return
    say("{steps} facts, {steps_per_s} a second", **msgspec.structs.asdict(result))


@bench.command(help=N_("Bring a whitelist to gates: joining, edits, revocations, a restart, and a gate's memory."))
def sync(
    people: Annotated[int, typer.Option("--people", min=10, max=200_000, help=N_("How many are enrolled."))] = 10_000,
    gates: Annotated[int, typer.Option("--gates", min=1, max=50, help=N_("How many gates there are."))] = 7,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    from bench.sync import measure

    phases = {
        "enrol": _("Enrolling"), "join": _("A gate joins"), "edit": _("Editing"), "revoke": _("Revoking"),
        "restart": _("Restarting a gate"),
    }  # fmt: skip
    with _shown(phases, json) as show:
        result = measure(people, gates, models, show)
    _tell(result, json)


@bench.command(
    help=N_("Enrol everybody in a folder of photos, into a list that is thrown away: how fast, who is refused.")
)
def enroll(
    images: Annotated[
        Path, typer.Option("--images", metavar="DIRECTORY", help=N_("A folder for each person, or a photo."))
    ],
    pack: Annotated[str, typer.Option("--pack", metavar="PACK", help=N_("The model pack."))] = "zoo",
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    from bench.enroll import measure

    phases = {"enrol": _("Enrolling"), "check": _("Looking for faces among ten thousand")}
    with _shown(phases, json) as show:
        result = measure(images, pack, models, show)
    _tell(result, json)


@bench.command(
    help=N_("Send gates' events to a monitoring room: how many a second it takes, how soon they are on its page.")
)
def monitor(
    gates: Annotated[int, typer.Option("--gates", min=1, max=100, help=N_("How many gates."))] = 7,
    rate: Annotated[int, typer.Option("--rate", min=1, max=100_000, help=N_("Events a second, in all."))] = 200,
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=3600, help=N_("How long they are sent."))] = 20.0,
    database: Annotated[
        str, typer.Option("--database", metavar="URL", help=N_("postgresql://...; otherwise SQLite in a new file."))
    ] = "",
    json: JsonOption = False,
) -> None:
    from bench.monitor import measure

    with progress(quiet=json) as bar:
        task = bar.add_task(_("Sending events"), total=rate * seconds)
        result = measure(
            gates, rate, seconds, database, lambda phase, done, total: bar.update(task, completed=done, total=total)
        )
    _tell(result, json)


@bench.command(help=N_("Search a long history in the monitoring room's database, in every way that its page can."))
def history(
    events: Annotated[
        int, typer.Option("--events", min=1_000, max=100_000_000, help=N_("How many events."))
    ] = 1_000_000,
    database: Annotated[
        str,
        typer.Option("--database", metavar="URL", help=N_("postgresql://..., empty; otherwise SQLite in a new file.")),
    ] = "",
    json: JsonOption = False,
) -> None:
    from bench.history import measure

    with progress(quiet=json) as bar:
        task = bar.add_task(_("Inventing events"), total=events)
        result = measure(events, database, lambda phase, done, total: bar.update(task, completed=done, total=total))
    _tell(result, json)


@bench.command(help=N_("Watch over many cameras without a door: what one costs, and how many a core carries."))
def cameras(
    video: Annotated[
        Path,
        typer.Option("--video", metavar="FILE", exists=True, dir_okay=False, help=N_("Served as a camera, looped.")),
    ],
    cameras: Annotated[int, typer.Option("--cameras", min=1, max=200, help=N_("How many."))] = 20,
    seconds: Annotated[float, typer.Option("--seconds", min=5, max=3600, help=N_("For how long."))] = 60.0,
    json: JsonOption = False,
) -> None:
    from bench.cameras import measure

    with _shown({"connect": _("Connecting"), "watch": _("Watching")}, json) as show:
        result = measure(video, cameras, seconds, show)
    _tell(result, json)


@bench.command(help=N_("Kill gates, desk and broker in mid-sync, and see that nobody is wrong, lost or resurrected."))
def campaign(
    interruptions: Annotated[int, typer.Option("--interruptions", min=1, help=N_("How many."))] = 20,
    seed: Annotated[int, typer.Option("--seed", help=N_("Of the moments and the victims."))] = 1,
    models: Annotated[
        Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
    ] = packs.DIRECTORY,
    room: Annotated[
        bool, typer.Option("--room", help=N_("Kill monitor, broker and gates instead: no event may be lost."))
    ] = False,
    json: JsonOption = False,
) -> None:
    from bench import campaign, kills

    with progress(quiet=json) as bar:
        task = bar.add_task(_("Interrupting"), total=interruptions)
        show = lambda _phase, done, total: bar.update(task, completed=done, total=total)  # noqa: E731
        found = (
            kills.measure(interruptions, show, seed) if room else campaign.measure(interruptions, models, show, seed)
        )
    _tell(found, json)
    if found.flaws:
        raise typer.Exit(1)
