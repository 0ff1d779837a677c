"""`edge-gate models`: what packs there are, bringing one here, and whether what is here is right."""

from pathlib import Path
from typing import Annotated

import typer

from edge import models as packs
from edge.cli.common import JsonOption, emit, say
from edge.cli.progress import progress
from edge.errors import ModelError
from edge.i18n import N_, _
from edge.packs import Manifest

models = typer.Typer()

DirectoryOption = Annotated[
    Path, typer.Option("--directory", metavar="DIRECTORY", help=N_("Where the packs' files are kept."))
]


@models.command("list", help=N_("List the packs."))
def list_(json: JsonOption = False) -> None:
    manifests = [packs.manifest(name) for name in packs.names()]
    if json:
        emit({"packs": [_described(manifest) for manifest in manifests]})
        return
    for manifest in manifests:
        say(
            "{name}: {summary} ({files} files, {mib} MiB, {licences})",
            name=manifest.name, summary=_(manifest.summary), files=len(manifest.network),
            mib=round(_size(manifest) / 2**20, 1), licences=", ".join(_licences(manifest)),
        )  # fmt: skip


@models.command(help=N_("Download, convert and verify a pack; what is there and right is kept."))
def fetch(
    pack: Annotated[str, typer.Argument(metavar="PACK", help=N_("A pack of `models list`."))],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIRECTORY", exists=True, help=N_("Look here first; nothing else without internet.")
        ),
    ] = None,
    directory: DirectoryOption = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    if source and not source.is_dir():
        raise ModelError("{path} is no directory", "name the directory that the files are in", path=source)
    with progress(quiet=json) as bar:
        task = bar.add_task(pack)
        fetched = packs.fetch(
            pack,
            directory,
            source,
            lambda file, done, total: bar.update(task, description=file, completed=done, total=total),
        )
    if json:
        emit({"pack": pack, "directory": str(directory), "files": fetched})
        return
    for file in fetched:
        say("{file}: fetched" if file.outcome == "fetched" else "{file}: was there", file=file.file)
    say("{pack} is complete in {directory}", pack=pack, directory=directory)


@models.command(help=N_("Compare what is there with the manifests."))
def verify(
    pack: Annotated[str | None, typer.Argument(metavar="PACK", help=N_("A pack of `models list`."))] = None,
    directory: DirectoryOption = packs.DIRECTORY,
    json: JsonOption = False,
) -> None:
    results = {name: packs.verify(name, directory) for name in ([pack] if pack else packs.names())}
    ok = all(file.ok for files in results.values() for file in files)
    if json:
        files = {name: [_verdict(file) for file in found] for name, found in results.items()}
        emit({"ok": ok, "packs": [{"name": name, "files": found} for name, found in files.items()]})
    else:
        for name, found in results.items():
            _tell(name, found)
    if not ok:
        raise typer.Exit(1)


def _verdict(file: packs.Verified) -> dict[str, object]:
    return {"file": file.file, "ok": file.ok, "problem": str(file.problem or "")}


def _tell(name: str, files: list[packs.Verified]) -> None:
    """How each file is, and once how to mend what is wrong."""
    for file in files:
        if file.problem:
            say("{pack}: {problem}", pack=name, problem=file.problem.message)
        else:
            say("{pack}: {file}: in order", pack=name, file=file.file)
    for advice in dict.fromkeys(file.problem.advice.render(_) for file in files if file.problem):
        typer.echo(advice)


def _described(manifest: Manifest) -> dict[str, object]:
    return {
        "name": manifest.name,
        "id": manifest.id,
        "summary": manifest.summary,
        "files": [spec.file for spec in manifest.network],
        "bytes": _size(manifest),
        "licences": _licences(manifest),
        "liveness": manifest.has_liveness,
        "dimension": manifest.dimension,
    }


def _size(manifest: Manifest) -> int:
    return sum(spec.bytes for spec in manifest.network)


def _licences(manifest: Manifest) -> list[str]:
    return sorted({spec.licence for spec in manifest.network})
