"""`edge-gate enroll --from`: everybody in a folder or a list."""

from datetime import tzinfo
from pathlib import Path

import msgspec
import typer

from edge.applications import Applications, of_folder
from edge.cli.common import emit, say
from edge.cli.counter import registrar_of
from edge.cli.options import consented
from edge.cli.progress import progress
from edge.config import Place
from edge.errors import EdgeError
from edge.files import there
from edge.i18n import _
from edge.intake import Intake
from edge.refusals import Refusals
from edge.sheet import Grounds, read


def beside(source: Path) -> Path:
    """Where the report goes if nothing else is said; `.` and `..` are called like the folders that they are."""
    called = source if source.name.strip(".") else source.resolve()
    return called.with_name(f"{called.stem}.refused.csv")


def everybody(
    source: Path,
    report: Path | None,
    grounds: Grounds,
    loaded: Place,
    credentials: Path | None,
    retry: bool,
    json: bool,
) -> None:
    """Enrol them, and say what became of them; exit status 1 when somebody was refused."""
    applications, encoding = _handed_in(source, grounds, loaded.calendar.zone)
    path = report or beside(source)
    if path.exists() and path.samefile(source):
        raise EdgeError("the report would take the place of {path}, which --from names", "name another", path=path)
    with (
        progress(quiet=json) as bar,
        Refusals(path, _, retry) as book,
        registrar_of(loaded, credentials, json) as registrar,
    ):
        task = bar.add_task(_("Enrolling"), total=len(applications))
        tally = Intake(registrar, book).run(applications, lambda done, count: bar.update(task, completed=done))
    told = {**msgspec.to_builtins(tally), "encoding": encoding, "report": str(path) if book.count else None}
    if json:
        emit(told)
        return
    if encoding:
        say("{path} was read as {encoding}", path=source, encoding=encoding)
    say("{enrolled} of {people} people are enrolled, {already} were before", **told)
    for reason, count in tally.turned_away.items():
        typer.echo(f"  {reason}: {count}")
    if tally.turned_away_before:
        say("{turned_away_before} were refused before and are not judged again; --retry-refused does that", **told)
    if book.count:
        say("what was refused and why is in {path}", path=path)
        raise typer.Exit(1 if tally.turned_away else 0)


def _handed_in(source: Path, grounds: Grounds, zone: tzinfo) -> tuple[Applications, str | None]:
    """The applications of a folder, or of a list and how that was encoded."""
    if there(source) and source.is_dir():
        return of_folder(source, consented(*grounds[:3], zone), grounds.bounds), None
    return read(source, grounds, zone)
