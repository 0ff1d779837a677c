"""`edge-gate enroll`, `people list`, `revoke`: who is on the whitelist."""

from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.progress import progress
from edge.clock import Calendar
from edge.config import Config, Credentials, DeskConfig, load_either
from edge.enrolled import Consent, Person, Standing
from edge.i18n import N_, _
from edge.whitelist import Whitelist

LONGEST_TEXT = 200

STANDINGS = {
    Standing.ENROLLED: N_("enrolled"),
    Standing.EXPIRED: N_("expired"),
    Standing.REVOKED: N_("revoked"),
    Standing.ERASED: N_("erased"),
    Standing.DAMAGED: N_("damaged"),
}

people = typer.Typer()


def _text(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise typer.BadParameter(_("must be one line of text"))
    return value.strip()


def _future(value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(_("must be a date, written as 2027-12-31")) from error
    if day <= date.today():
        raise typer.BadParameter(_("must lie in the future"))
    return day


Name = Annotated[str, typer.Argument(metavar="NAME", callback=_text, help=N_("The name of the person."))]
Photos = Annotated[list[Path], typer.Argument(metavar="PHOTO", help=N_("One to eight photos of the person."))]
ConsentOption = Annotated[
    str, typer.Option("--consent", metavar="REFERENCE", callback=_text, help=N_("Where the person's consent is filed."))
]
Purpose = Annotated[str, typer.Option("--purpose", metavar="TEXT", callback=_text, help=N_("What it was given for."))]
RetainUntil = Annotated[
    date, typer.Option("--retain-until", metavar="DATE", parser=_future, help=N_("The last day of the enrolment."))
]
Id = Annotated[str, typer.Argument(metavar="ID", help=N_("As `people list` shows it."))]


def enroll(
    name: Name,
    photo: Photos,
    consent: ConsentOption,
    purpose: Purpose,
    retain_until: RetainUntil,
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Enrol a person from photos. Each must show the one face, from the front, sharp and well lit."""
    from edge import enroll as enrolment  # with OpenCV and the networks, which listing and revoking do without
    from edge import models
    from edge.faces import Vision

    gate = load_either(config)
    whitelist = Whitelist.of(gate, Credentials(credentials), write=True)
    fpir = gate.desk.fpir if isinstance(gate, DeskConfig) else gate.access.fpir
    with progress(quiet=json) as bar:
        bar.add_task(_("looking at the photos"), total=None)
        vision = Vision(models.load(gate.models.pack, Path(gate.models.directory)))
        grounds = Consent(consent, purpose, retain_until)
        person, left_out = enrolment.enroll(photo, name, grounds, vision, whitelist, fpir)
    if json:
        emit({**msgspec.to_builtins(person), "left_out": left_out})
    else:
        for each in left_out:
            say("{photo} is left out: it shows the same as {like}, which is better ({score:.2f} alike)",
                photo=each.photo, like=each.like, score=each.score)  # fmt: skip
        say("{name} is enrolled as {id} until {day}", name=person.name, id=person.id, day=person.retain_until)


@people.command("list")
def list_(config: ConfigOption = CONFIG, credentials: CredentialsOption = None, json: JsonOption = False) -> None:
    """Show everybody who is or was enrolled."""
    place = load_either(config)
    today = Calendar.of(place).peek() if isinstance(place, Config) else date.today()
    found = Whitelist.of(place, Credentials(credentials)).people(today)
    if json:
        emit({"people": found})
    elif found:
        Console(soft_wrap=True).print(_table(found))
    else:
        say("nobody is enrolled")


def revoke(
    person: Id,
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=600, metavar="SECONDS", help=N_("At a desk: how long gates may take."))
    ] = 5.0,
    json: JsonOption = False,
) -> None:
    """Withdraw a person's access: the templates are destroyed at once, the line in the list stays.

    At a desk every gate confirms it, signed, with the delay; gates out of reach are named as pending.
    """
    gate, secrets = load_either(config), Credentials(credentials)
    Whitelist.of(gate, secrets).revision()  # one that is not there is not made
    gone = Whitelist.of(gate, secrets, write=True).revoke(person)
    contract = None
    if isinstance(gate, DeskConfig):
        from edge.cli.desk import confirmed

        contract = confirmed(gate, secrets, gone.id, gone.revision, wait)
    if json:
        emit(gone if contract is None else {**msgspec.to_builtins(gone), **contract})
        return
    say("{id} {name} may no longer pass", id=gone.id, name=gone.name)
    for name, delay in (contract["confirmed_ms"] if contract else {}).items():
        say("  {gate} confirmed after {delay} ms", gate=name, delay=delay)
    for name in contract["pending"] if contract else ():
        say("  {gate} is pending: it is told as soon as it is reached", gate=name)


def _table(found: list[Person]) -> Table:
    titles = (_("id"), _("name"), _("standing"), _("until"), _("templates"), _("consent"), _("purpose"))
    table = Table(*titles, box=None)
    for person in found:
        until = str(person.retain_until)
        cells = (person.id, person.name, _(STANDINGS[person.standing]), until, str(person.templates))
        table.add_row(*map(escape, (*cells, person.consent, person.purpose)))
    return table
