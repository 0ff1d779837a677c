"""`edge-gate people` and `revoke`: who is on the whitelist, and what becomes of them."""

from collections.abc import Callable
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge import forms
from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.counter import AgainOption, People, backups, contract, register, today
from edge.cli.enroll import known_levels
from edge.cli.options import bounds, changed, given
from edge.cli.pin import pin
from edge.config import Credentials, WorkstationConfig, load_either, load_place
from edge.enrolled import Bounds, Edit, Person, Standing
from edge.errors import Phrase, StoreError
from edge.i18n import N_, _
from edge.schedule import local
from edge.whitelist import Whitelist

STANDINGS = {
    Standing.ENROLLED: N_("enrolled"),
    Standing.EXPIRED: N_("expired"),
    Standing.REVOKED: N_("revoked"),
    Standing.ERASED: N_("erased"),
    Standing.DAMAGED: N_("damaged"),
}

people = typer.Typer()
Id = Annotated[str, typer.Argument(metavar="ID", help=N_("As `people list` shows it."))]
Basis = Annotated[
    int | None,
    typer.Option("--if-revision", metavar="NUMBER", help=N_("Only if nobody has changed the record since.")),
]
Wait = Annotated[
    float, typer.Option("--wait", min=0, max=600, metavar="SECONDS", help=N_("At a desk: how long gates may take."))
]


@people.command("list")
def list_(config: ConfigOption = CONFIG, credentials: CredentialsOption = None, json: JsonOption = False) -> None:
    """Show everybody who is or was enrolled."""
    place = load_place(config)
    with register(place, credentials) as people:
        found = people.people(today(place))
    if json:
        emit({"people": found})
    elif found:
        Console(soft_wrap=True).print(_table(found))
    else:
        say("nobody is enrolled")


@people.command("show")
def show(
    person: Id, config: ConfigOption = CONFIG, credentials: CredentialsOption = None, json: JsonOption = False
) -> None:
    """Show the record of one person, as far as it is for people: never a template."""
    place = load_place(config)
    with register(place, credentials) as people:
        found = people.person(person, today(place))
        told = contract(place, credentials, people, found, 0.0) if found.revoked_at else {}
    if json:
        _emit(found, told)
        return
    for title, text in _lines(found, place.calendar.zone):
        typer.echo(f"{title}: {text}")
    _tell(told)


@people.command("edit")
def edit(
    person: Id,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help=N_("The name of the person."))] = None,
    number: Annotated[
        str | None, typer.Option("--number", metavar="TEXT", help=N_("What the site knows the person by."))
    ] = None,
    consent: Annotated[
        str | None, typer.Option("--consent", metavar="REFERENCE", help=N_("Where the person's consent is filed."))
    ] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", metavar="TEXT", help=N_("What it was given for."))] = None,
    retain_until: Annotated[
        str | None, typer.Option("--retain-until", metavar="DATE", help=N_("The last day of the enrolment."))
    ] = None,
    level: Annotated[
        list[str] | None, typer.Option("--level", metavar="NAME", help=N_("An access level; may be repeated."))
    ] = None,
    valid_from: Annotated[
        str | None, typer.Option("--valid-from", metavar="TIME", help=N_("From when they may pass."))
    ] = None,
    valid_until: Annotated[
        str | None, typer.Option("--valid-until", metavar="TIME", help=N_("Until when; a day counts whole."))
    ] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="NAME", help=N_("Whom a visitor comes to see."))] = None,
    card: Annotated[
        str | None, typer.Option("--card", metavar="NUMBER", help=N_("What a reader says of the person's card."))
    ] = None,
    revision: Basis = None,
    again: AgainOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is known of a person. What is not named stays; '' takes levels, times, host, number or card away."""
    place = load_place(config)
    zone = place.calendar.zone
    with register(place, credentials, again, json) as people:
        before = people.person(person, today(place))
        bounded = bounds(before.bounds, level, valid_from, valid_until, host, zone)
        known_levels(place, bounded.levels if bounded and level else ())
        change = Edit(
            name=given("--name", name, forms.line),
            number=changed("--number", number, forms.line, None, ""),
            consent=given("--consent", consent, forms.line),
            purpose=given("--purpose", purpose, forms.line),
            retain_until=given("--retain-until", retain_until, partial(forms.last_day, zone=zone)),
            bounds=bounded,
            card=changed("--card", card, forms.card, None, ""),
        )
        after = people.edit(person, change, before.revision if revision is None else revision)
    if json:
        emit(after)
    else:
        say("{id} {name} is changed", id=after.id, name=after.name)


people.command("pin")(pin)


@people.command("revoke")
def revoke(
    person: Id,
    again: AgainOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    wait: Wait = 5.0,
    json: JsonOption = False,
) -> None:
    """Withdraw a person's access at once; the record stays, sealed, until it is restored, erased or over.

    At a desk every gate destroys its templates and confirms it, signed, with the delay; gates out of reach are named as
    pending.
    """
    gone, told = _ended(lambda people: people.revoke(person), config, credentials, again, wait, json)
    if json:
        _emit(gone, told)
        return
    say("{id} {name} may no longer pass", id=gone.id, name=gone.name)
    _tell(told)


@people.command("restore")
def restore(
    person: Id,
    revision: Basis = None,
    again: AgainOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Give a revoked person access again, with the templates of the enrolment."""
    place = load_place(config)
    with register(place, credentials, again, json) as people:
        back = people.restore(person, today(place), revision)
    if json:
        emit(back)
    else:
        say("{id} {name} may pass again", id=back.id, name=back.name)


@people.command("erase")
def erase(
    person: Id,
    revision: Basis = None,
    again: AgainOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    wait: Wait = 5.0,
    json: JsonOption = False,
) -> None:
    """Destroy all that is known of a person, here and at every gate; it cannot be undone.

    At a desk every gate confirms it, signed; gates out of reach are named as pending.
    """
    gone, told = _ended(lambda people: people.erase(person, revision), config, credentials, again, wait, json)
    place = load_place(config)
    kept = backups(place, credentials, gone)
    if json:
        _emit(gone, told, kept)
        return
    say("nothing is left of {id} but this id", id=gone.id)
    _tell(told)
    if isinstance(place, WorkstationConfig):
        say("earlier backups of the desk may still hold the record, sealed; the desk knows when: edge-gate audit show")
    elif kept["in_backups_until"]:
        text = (
            "backups of the desk made up to {at:%Y-%m-%d %H:%M} UTC still hold the record, sealed: destroy them in time"
        )
        say(text, at=kept["in_backups_until"])


@people.command("export")
def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=N_("The CSV to write."))],
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Write everybody's record to a list that `enroll --from` reads, without a template; the journal tells of it."""
    from edge import sheet
    from edge.audit import Audit
    from edge.journal import Deed

    place, secrets = load_either(config), Credentials(credentials)
    found = [each for each in Whitelist.of(place, secrets).people(today(place)) if each.name]
    Audit.of(place, secrets).note(Deed.EXPORTED, "people", people=len(found))
    try:
        sheet.write(out, found, place.calendar.zone)
    except OSError as error:
        raise StoreError("{path} cannot be written: {why}", path=out, why=error.strerror) from error
    if json:
        emit({"people": len(found), "file": str(out)})
    else:
        say("{people} people are in {path}", people=len(found), path=out)


def _ended(
    deed: Callable[[People], Person], config: Path, credentials: Path | None, again: str, wait: float, json: bool
) -> tuple[Person, dict[str, Any]]:
    """The person after the deed, and at a desk what gates say of it."""
    place = load_place(config)
    with register(place, credentials, again, json) as people:
        gone = deed(people)
        return gone, contract(place, credentials, people, gone, wait)


def _emit(person: Person, contract: dict[str, Any], more: dict[str, Any] | None = None) -> None:
    told = {name: str(each) if isinstance(each, Phrase) else each for name, each in contract.items()}
    emit({**msgspec.to_builtins(person), **told, **(more or {})})


def _tell(contract: dict[str, Any]) -> None:
    for name, delay in contract.get("confirmed_ms", {}).items():
        say("  {gate} confirmed after {delay} ms", gate=name, delay=delay)
    if "unknown" in contract:
        say("  which gates have confirmed it is not known: {why}", why=contract["unknown"])
    for name in contract.get("pending", ()):
        say("  {gate} is pending: it is told as soon as it is reached", gate=name)


def _table(found: list[Person]) -> Table:
    titles = (
        _("id"), _("number"), _("name"), _("standing"), _("kept until"), _("templates"), _("consent"), _("purpose"),
    )  # fmt: skip
    table = Table(*titles, box=None)
    for each in found:
        until, count = str(each.retain_until), str(each.templates)
        cells = (each.id, each.number or "-", each.name, _(STANDINGS[each.standing]), until, count)
        table.add_row(*map(escape, (*cells, each.consent, each.purpose)))
    return table


def _lines(person: Person, zone: tzinfo) -> list[tuple[str, str]]:
    """Everything of a record that says something."""
    bounds: Bounds = person.bounds
    window = [_local(moment, zone) for moment in (bounds.valid_from, bounds.valid_until)]
    lines = [
        (_("id"), person.id),
        (_("number"), person.number),
        (_("name"), person.name),
        (_("standing"), _(STANDINGS[person.standing])),
        (_("kept until"), str(person.retain_until)),
        (_("consent"), person.consent),
        (_("purpose"), person.purpose),
        (_("levels"), ", ".join(bounds.levels)),
        (_("valid from"), window[0]),
        (_("valid until"), window[1]),
        (_("host"), bounds.host),
        (_("another person because"), person.another),
        (_("card"), person.card),
        (_("PIN"), _("yes, and one under duress") if person.duress else _("yes") if person.pin else ""),
        (_("templates"), f"{person.templates} ({person.pack})"),
        (_("enrolled"), _local(person.enrolled_at.timestamp(), zone)),
        (_("revoked"), _local(person.revoked_at.timestamp() if person.revoked_at else None, zone)),
        (_("revision"), str(person.revision)),
    ]
    return [(title, text) for title, text in lines if text]


def _local(moment: float | None, zone: tzinfo) -> str:
    return "" if moment is None else local(moment, zone).isoformat(timespec="minutes")
