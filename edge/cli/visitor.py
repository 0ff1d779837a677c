"""`edge-gate visitor`: invite somebody, verify a pass, revoke one, list them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.enroll import text
from edge.config import Config, Credentials, load
from edge.errors import EdgeError
from edge.i18n import N_, _
from edge.schedule import local

visitor = typer.Typer()


def _moment(value: str) -> datetime:
    """A time as it was written: one without an offset is the site's, which the configuration names."""
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise _no_time() from error


def _there(moment: datetime, config: Config) -> datetime:
    """A moment at the site of a gate."""
    zone = config.calendar.zone
    try:
        return local((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp(), zone)
    except (ValueError, OverflowError, OSError) as error:
        raise _no_time() from error


def _no_time() -> typer.BadParameter:
    return typer.BadParameter(_("must be a time, written as 2027-12-31T09:00 or with an offset, +08:00"))


Host = Annotated[str, typer.Option("--host", metavar="NAME", callback=text, help=N_("Whom the visitor comes to see."))]
Gates = Annotated[
    list[str], typer.Option("--gate", metavar="NAME", help=N_("The gate that it opens; more with --multi-gate."))
]
From = Annotated[
    datetime,
    typer.Option("--from", metavar="TIME", parser=_moment, help=N_("From when it is valid, in the site's time.")),
]
Until = Annotated[
    datetime, typer.Option("--until", metavar="TIME", parser=_moment, help=N_("When it ends, in the site's time."))
]
Uses = Annotated[int, typer.Option("--uses", min=0, max=1000, help=N_("How often, in all; 0 without a limit."))]
Face = Annotated[
    Path | None, typer.Option("--face", metavar="PHOTO", help=N_("Only together with this face, enrolled until then."))
]
MultiGate = Annotated[
    bool, typer.Option("--multi-gate", help=N_("It may name several gates, or '*' for all of the site."))
]
Staff = Annotated[
    str, typer.Option("--staff", metavar="ID", help=N_("For a member of staff, by their id; it must rotate."))
]
Pin = Annotated[
    bool, typer.Option("--pin", help=N_("With --staff: only together with their PIN, and then it need not rotate."))
]
ConsentOption = Annotated[
    str,
    typer.Option("--consent", metavar="REFERENCE", help=N_("Where the consent is filed; else with the invitation.")),
]
Picture = Annotated[
    list[Path], typer.Option("--qr", metavar="FILE", help=N_("Write the code there, .png or .svg; may be repeated."))
]
At = Annotated[
    datetime | None,
    typer.Option("--at", metavar="TIME", parser=_moment, help=N_("The moment to judge; otherwise now.")),
]
Jti = Annotated[str, typer.Argument(metavar="ID", callback=text, help=N_("As `visitor list` shows it."))]
Token = Annotated[str, typer.Option("--token", metavar="TOKEN", help=N_("What the code says."))]
Gate = Annotated[str, typer.Option("--gate", metavar="NAME", help=N_("The gate; otherwise that of the configuration."))]


@visitor.command()
def invite(
    host: Host,
    gate: Gates,
    begin: From,
    until: Until,
    uses: Uses = 1,
    face: Face = None,
    multi_gate: MultiGate = False,
    staff: Staff = "",
    pin: Pin = False,
    consent: ConsentOption = "",
    qr: Picture = [],  # noqa: B006 - Typer reads the default and never changes it
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Make a pass: a signed code for a phone or paper that a gate verifies offline."""
    from edge import invitation

    loaded, secrets = load(config), Credentials(credentials)
    begin, until = _there(begin, loaded), _there(until, loaded)
    if until <= datetime.now(UTC):
        raise EdgeError("the pass would be over already", "--until must lie in the future")
    wish = invitation.Wish(host, gate, begin.timestamp(), until.timestamp(), uses, multi_gate, staff, pin)
    for path in qr:
        invitation.drawable(path)
    made = invitation.invite(wish, loaded, secrets, face, consent)
    if not json:
        typer.echo(invitation.terminal(made.token))
        say("pass {id} for {gates} until {time}", id=made.jti, gates=", ".join(gate), time=until.isoformat())
        typer.echo(made.token)
    undrawn = _drawn(made.token, qr)  # the pass is made whatever becomes of its picture, so it is shown first
    if json:
        told = {"undrawn": undrawn} if undrawn else {}
        emit({"token": made.token, "jti": made.jti, "expires": until.isoformat(), **told})
    for why in [] if json else undrawn:
        say("the pass is valid, and its code was not drawn: {why}", why=why)
    if undrawn:
        raise typer.Exit(1)


def _drawn(token: str, paths: list[Path]) -> list[str]:
    """Draw the code into each file; why it could not be drawn into some."""
    from edge import invitation

    undrawn = []
    for path in paths:
        try:
            invitation.draw(token, path)
        except EdgeError as error:
            undrawn.append(str(error))
    return undrawn


@visitor.command()
def verify(
    token: Token,
    at: At = None,
    gate: Gate = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether a gate would take a pass at a moment, and why not. No is an answer, not a failure."""
    from edge.invitation import verdict

    loaded = load(config)
    moment = (_there(at, loaded) if at else datetime.now(UTC)).timestamp()
    found = verdict(token.strip(), loaded, Credentials(credentials), gate, moment)
    if json:
        emit({"valid": found.code is None, "reason": str(found.why), "code": found.code, "pass": found.shown})
    elif found.code is None:
        say("valid")
    else:
        say("not valid: {why}", why=found.why)


@visitor.command()
def revoke(
    jti: Jti, config: ConfigOption = CONFIG, credentials: CredentialsOption = None, json: JsonOption = False
) -> None:
    """Have every gate refuse a pass from now on, this one at once; a face that is bound to it is destroyed."""
    from edge.invitation import announce, end, seen

    loaded, secrets, why = load(config), Credentials(credentials), ""
    known = seen(jti, loaded, secrets)
    receipt = end(jti, loaded, secrets)
    try:
        announce(loaded, secrets)
    except EdgeError as error:
        why = str(error)
    if json:
        emit({"jti": jti, "known": known, "template_destroyed": receipt, "announced": not why, "why": why})
        raise typer.Exit(1 if why else 0)
    if not known:
        say("this gate has not seen a pass {id}: if that was mistyped, the right one is still valid", id=jti)
    if why:
        say("pass {id} is revoked here; other gates were not told, so do it again: {why}", id=jti, why=why)
        raise typer.Exit(1)
    say("pass {id} is revoked", id=jti)


@visitor.command("list")
def list_(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Show the passes that were issued here and are not long over."""
    from edge.invitation import issued

    loaded = load(config)
    found = issued(loaded)
    if json:
        emit({"passes": found})
        return
    table = Table(*(_(title) for title in TITLES), box=None)
    for each in found:
        window = (
            local(t, loaded.calendar.zone).isoformat(timespec="minutes") for t in (each.valid_from, each.valid_until)
        )
        standing = _("revoked") if each.revoked else ""
        cells = (each.id, each.host, " ".join(each.gates), *window, f"{each.used}/{each.uses or '-'}", standing)
        table.add_row(*map(escape, cells))
    Console(soft_wrap=True).print(table)


TITLES = (N_("id"), N_("host"), N_("gates"), N_("from"), N_("until"), N_("used"), N_("standing"))
