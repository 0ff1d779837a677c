"""`edge-gate audit`: who did what to the whitelist, when, and whether that record is the one that was written."""

from datetime import UTC
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from edge.audit import Audit, Break, Said
from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.config import Credentials, DeskConfig, load_either
from edge.errors import EdgeError
from edge.i18n import N_

audit = typer.Typer()

Stores = Annotated[
    list[Path] | None,
    typer.Option("--store", metavar="FILE", help=N_("A gate's list.sqlite, which has kept an end of it; repeatable.")),
]
Subject = Annotated[
    str, typer.Option("--about", metavar="NAME", help=N_("Only what concerns this person's id, gate or key."))
]


@audit.command("verify")
def verify(
    store: Stores = None,
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Check the whole chain, and its ends that were signed into the whitelist; name the first break.

    A list that says nothing of it, one that an earlier key has signed say, is a problem of its own. The exit status is
    1 when something is wrong; with --json it is 0, and the line says what is.
    """
    from edge.authority import anchors as signed

    loaded, secrets = load_either(config), Credentials(credentials)
    anchors, useless = signed(loaded, secrets, store or []) if isinstance(loaded, DeskConfig) else ([], {})
    count, found = Audit.of(loaded, secrets).verify(anchors)
    anchored = max((anchor.sequence for anchor in anchors), default=0)
    if json:
        first = {"sequence": found.sequence, "problem": str(found.why)} if found else None
        problems = [{"store": str(path), "problem": str(why.message)} for path, why in useless.items()]
        emit({"lines": count, "valid": found is None, "anchored": anchored, "first_break": first, "problems": problems})
    else:
        _say(count, anchored, found, useless)
    if (found or useless) and not json:
        raise typer.Exit(1)


def _say(count: int, anchored: int, found: Break | None, useless: dict[Path, EdgeError]) -> None:
    say("{count} lines, the newest one that was signed into a list is {anchored}", count=count, anchored=anchored)
    if found:
        say("the first break is at line {sequence}: {why}", sequence=found.sequence, why=found.why)
    for path, why in useless.items():
        say("{path} says nothing of the journal: {why}", path=path, why=why)


@audit.command("show")
def show_(
    about: Subject = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Show who did what, when; what was personal about an erased person is gone."""
    found = Audit.of(load_either(config), Credentials(credentials)).lines(about)
    if json:
        emit({"lines": [as_told(each) for each in found]})
        return
    for each in found:
        typer.echo(shown(each))


def shown(said: Said) -> str:
    """A line for people."""
    line = said.line
    at = line.at.astimezone(UTC).isoformat(timespec="seconds")
    fields = {**line.data.details, **said.personal}
    told = "  ".join(f"{name}={value}" for name, value in fields.items())
    return f"{line.sequence}  {at}  {line.actor}  {line.deed}  {line.subject}  {told}".rstrip()


def as_told(said: Said) -> dict[str, object]:
    """A line for programs, without salts and hashes."""
    line = said.line
    told = {"sequence": line.sequence, "at": line.at, "actor": line.actor, "deed": line.deed, "subject": line.subject}
    return msgspec.to_builtins({**told, "details": line.data.details, "personal": said.personal})  # type: ignore[no-any-return]
