"""`edge-gate evaluate`: the standard protocols, on pictures that somebody has."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge import models as packs
from edge.cli.common import JsonOption, emit, say
from edge.cli.progress import progress
from edge.errors import EdgeError
from edge.i18n import N_, _

if TYPE_CHECKING:
    from edge.faces import Vision
    from edge.identification import Identification
    from edge.presentations import Evaluation
    from edge.verification import Verification

evaluate = typer.Typer()

ImagesOption = Annotated[
    Path, typer.Option("--images", metavar="PATH", exists=True, help=N_("A directory or zip file with the pictures."))
]
PackOption = Annotated[str, typer.Option("--pack", metavar="PACK", help=N_("The model pack."))]
ModelsOption = Annotated[
    Path, typer.Option("--models", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
]
"""Give it the default `packs.DIRECTORY`."""
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIRECTORY", help=N_("Write the pictures of the curves here."))
]
"""Give it the default None."""


@evaluate.callback()
def _group() -> None: ...


@evaluate.command(help=N_("Compare pairs of pictures, as LFW's protocol has it: the same person or not."))
def verification(
    images: ImagesOption,
    pairs: Annotated[Path, typer.Option("--pairs", metavar="FILE", help=N_("Which pairs, in the form of LFW's."))],
    pack: PackOption,
    models: ModelsOption = packs.DIRECTORY,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    from edge import verification as protocol

    _try_out(out and out / "any.png")
    with progress(quiet=json) as bar:
        task = bar.add_task(_("looking at the pictures"), total=None)
        result, compared = protocol.verify(
            images, pairs, _vision(pack, models), lambda done, total: bar.update(task, completed=done, total=total)
        )
    if out:
        protocol.draw(out, compared)
    if json:
        emit(result)
    else:
        _tell_verification(result)
        _see(out)


def _tell_verification(result: "Verification") -> None:
    say("{pairs} pairs of {images} pictures; no face found in {not_found}, of which {unreadable} could not be read",
        **msgspec.structs.asdict(result))  # fmt: skip
    low, high = result.accuracy_interval
    say("accuracy {accuracy:.2%} ({low:.2%} to {high:.2%}), {std:.2%} between the folds",
        accuracy=result.accuracy, low=low, high=high, std=result.accuracy_std)  # fmt: skip
    for far, rate in result.tpr_at_far.items():
        low, high = result.tpr_at_far_interval[far]
        say("accepted at a false-match rate of {far:.1%}: {rate:.2%} ({low:.2%} to {high:.2%})",
            far=float(far), rate=rate, low=low, high=high)  # fmt: skip


@evaluate.command(help=N_("Enrol a part of the people and search for everybody's other pictures, several times over."))
def identification(
    images: ImagesOption,
    pack: PackOption,
    models: ModelsOption = packs.DIRECTORY,
    fpir: Annotated[
        float, typer.Option("--fpir", min=1e-6, max=0.5, help=N_("The wanted false-positive identification rate."))
    ] = 0.01,
    draws: Annotated[int, typer.Option("--draws", min=1, max=1000, help=N_("How often people are drawn."))] = 10,
    enrolled_share: Annotated[
        float,
        typer.Option("--enrolled-share", min=0.01, max=0.99, help=N_("The share of the people who are enrolled.")),
    ] = 0.5,
    seed: Annotated[int, typer.Option("--seed", min=0, help=N_("Makes the same draws again."))] = 0,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    from edge import identification as protocol

    _try_out(out and out / "any.png")
    with progress(quiet=json) as bar:
        task = bar.add_task(_("looking at the pictures"), total=None)
        result, drawn = protocol.identify(
            images, _vision(pack, models), fpir, draws, enrolled_share, seed,
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if out:
        protocol.draw_curves(out, result, drawn)
    if json:
        emit(result)
    else:
        _tell_identification(result)
        _see(out)


def _tell_identification(result: "Identification") -> None:
    say("{people} people, {n_enrolled} enrolled in each of {draws} draws", **msgspec.structs.asdict(result))
    say("{images} pictures; no face found in {not_found}, of which {unreadable} could not be read",
        **msgspec.structs.asdict(result))  # fmt: skip
    if result.loose:
        say("{loose} pictures are in no person's directory and were left out", loose=result.loose)
    say("found first: {rank1:.2%}", rank1=result.rank1)
    for rate, missed in result.fnir_at_fpir.items():
        low, high = result.fnir_at_fpir_interval[rate]
        say("missed at a false-positive identification rate of {fpir:.1%}: {missed:.2%} ({low:.2%} to {high:.2%})",
            fpir=float(rate), missed=missed, low=low, high=high)  # fmt: skip
    low, high = result.fpir_interval
    say("at the gate's threshold for {wanted:.1%}: {rate:.2%} of strangers accepted ({low:.2%} to {high:.2%}), "
        "{missed:.2%} of the enrolled missed",
        wanted=result.fpir_wanted, rate=result.fpir_at_configured, low=low, high=high,
        missed=result.fnir_at_configured)  # fmt: skip


@evaluate.command(
    help=N_("Show living people and attacks to a gate: a folder of pictures, videos or folders of numbered frames.")
)
def liveness(
    live: Annotated[
        Path, typer.Option("--live", metavar="DIRECTORY", file_okay=False, exists=True, help=N_("Living people."))
    ],
    attack: Annotated[
        Path,
        typer.Option(
            "--attack", metavar="DIRECTORY", file_okay=False, exists=True, help=N_("Attacks, a folder each species.")
        ),
    ],
    pack: PackOption,
    models: ModelsOption = packs.DIRECTORY,
    fps: Annotated[
        float, typer.Option("--fps", min=1, max=1000, help=N_("Frames a second in which frames are numbered."))
    ] = 25.0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help=N_("Write what came of each entry here, a line each."))
    ] = None,
    det: Annotated[
        Path | None, typer.Option("--det", metavar="FILE", help=N_("Write the picture of the DET curves here (PNG)."))
    ] = None,
    json: JsonOption = False,
) -> None:
    from edge import presentations as protocol
    from edge.accesssection import AccessSection
    from edge.rules import liveness_rules

    _try_out(out)
    _try_out(det)
    with progress(quiet=json) as bar:
        task = bar.add_task(_("showing the clips"), total=None)
        rules = liveness_rules(AccessSection())
        result, judged = protocol.evaluate(
            live, attack, _vision(pack, models), rules, fps,
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if det:
        protocol.draw(det, judged, rules)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in judged))
    if json:
        emit(result)
    else:
        _tell_liveness(result)


def _tell_liveness(result: "Evaluation") -> None:
    for name, rate in result.apcer.items():
        low, high = result.apcer_interval[name]
        say("{species}: {rate:.1%} of {count} taken for live ({low:.1%} to {high:.1%}), {unsure:.1%} unsure",
            species=name, rate=rate, count=result.n_attack[name], low=low, high=high,
            unsure=result.unsure_attack[name])  # fmt: skip
    say("living people: {rate:.1%} of {count} taken for an attack, {unsure:.1%} unsure",
        rate=result.bpcer, count=result.n_live, unsure=result.unsure_live)  # fmt: skip
    say("no face in {not_found} entries; {unreadable} pictures could not be read",
        not_found=result.not_found, unreadable=result.unreadable)  # fmt: skip


def _vision(pack: str, models: Path) -> "Vision":
    from edge.faces import Vision

    return Vision(packs.load(pack, models))


def _try_out(path: Path | None) -> None:
    """EdgeError when a file cannot be written, before all that work and not after it; nothing is left of the try."""
    if path is None:
        return
    made: list[Path] = []
    try:
        made = [each for each in path.parents if not each.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise EdgeError("{path} cannot be written: {why}", path=path, why=error.strerror) from error
    finally:
        for each in made:
            with contextlib.suppress(OSError):  # it was not made after all, or somebody else has put something there
                each.rmdir()


def _see(out: Path | None) -> None:
    if out:
        say("see {picture}", picture=out)
