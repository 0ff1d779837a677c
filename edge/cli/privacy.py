"""`edge-gate privacy`: what is held about one person."""

from typing import Annotated

import typer

from edge.cli.audit import as_told, shown
from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.counter import today
from edge.config import Credentials, load_either
from edge.i18n import N_, _

privacy = typer.Typer()


@privacy.callback()
def group() -> None:
    """A group of its own, whatever it holds."""


@privacy.command("report")
def report(
    person: Annotated[str, typer.Argument(metavar="ID", help=N_("As `people list` shows it."))],
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Show all that is held about a person, where, and who did what with it; that it was asked for is recorded."""
    from edge.privacy import ELSEWHERE
    from edge.privacy import report as collected

    place = load_either(config)
    found = collected(place, Credentials(credentials), person, today(place))
    if json:
        lines = [as_told(said) for said in found.processing]
        parts = {"record": found.record, "gates": found.gates, "receipts": found.receipts, "processing": lines}
        emit({"id": person, **parts, "elsewhere": list(ELSEWHERE)})
        return
    record = found.record
    say("{id}  {name}", id=record.id, name=record.name or "-")
    say("consent {consent}, purpose {purpose}", consent=record.consent or "-", purpose=record.purpose or "-")
    say(
        "enrolled {at}, kept until {day}",
        at=record.enrolled_at.astimezone(place.calendar.zone).date(),
        day=record.retain_until,
    )
    say("{count} templates of pack {pack}, sealed", count=record.templates, pack=record.pack)
    for each in found.gates:
        holds = {None: N_("has never reported"), True: N_("has the record"), False: N_("does not have the record")}
        say("  {gate}: {holds}", gate=each.gate, holds=_(holds[each.holds]))
    say("what was done:")
    for said in found.processing:
        typer.echo(f"  {shown(said)}")
    say("elsewhere:")
    for text in ELSEWHERE:
        typer.echo(f"  {_(text)}")
