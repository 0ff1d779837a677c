"""`edge-gate people` and `revoke`: who is on the whitelist."""

from datetime import date
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.clock import Calendar
from edge.config import Config, Credentials, DeskConfig, load_either
from edge.enrolled import Person, Standing
from edge.i18n import N_, _
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
