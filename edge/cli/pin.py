"""`edge-gate people pin`: a PIN as a second factor. Never an argument, which every process list and history shows."""

import sys
from typing import Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.counter import AgainOption, register
from edge.config import Config, DeskConfig, Place, load_place
from edge.enrolled import Edit
from edge.errors import EdgeError
from edge.i18n import N_, _
from edge.pins import apart, chosen, drawn, stretched


def pin(
    person: Annotated[str, typer.Argument(metavar="ID", help=N_("As `people list` shows it."))],
    duress: Annotated[
        bool, typer.Option("--duress", help=N_("Also one that opens and silently raises an alarm, under threat."))
    ] = False,
    draw: Annotated[bool, typer.Option("--draw", help=N_("Draw it by chance and show it, once."))] = False,
    remove: Annotated[bool, typer.Option("--remove", help=N_("Take it away."))] = False,
    again: AgainOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Set a person's PIN: asked for without being shown, or read from standard input, a line each."""
    if remove and (duress or draw):
        raise EdgeError("--remove stands alone")
    if draw and again:
        hint = "leave out --request: what is drawn now takes the place of what may be kept"
        raise EdgeError("--draw draws others than those of the request whose answer did not come", hint)
    place = load_place(config)
    usual, threatened = ("", "") if remove else _drawn(duress) if draw else _asked(duress)
    kept = [stretched(each, _site(place)) if each else "" for each in (usual, threatened)]
    with register(place, credentials, again, json) as people:
        changed = people.edit(person, Edit(pin=kept[0], duress=kept[1]))
    shown = {"pin": usual, "duress": threatened} if draw else {}
    if json:
        emit({"id": changed.id, "has_pin": changed.pin, "has_duress": changed.duress, **shown})
        return
    if remove:
        say("{id} {name} has no PIN any more", id=changed.id, name=changed.name)
        return
    say("{id} {name} has a new PIN", id=changed.id, name=changed.name)
    if draw:
        say("it is {pin}; nobody can show it again", pin=usual)
    if draw and duress:
        say("under duress it is {pin}", pin=threatened)


def _site(place: Place) -> str:
    if isinstance(place, Config):
        return place.gate.site
    return place.desk.site if isinstance(place, DeskConfig) else place.workstation.site


def _drawn(duress: bool) -> tuple[str, str]:
    usual = drawn()
    return usual, _threatened(usual) if duress else ""


def _threatened(usual: str) -> str:
    while True:
        try:
            return apart(usual, drawn())
        except EdgeError:
            continue


def _asked(duress: bool) -> tuple[str, str]:
    """What is typed without being shown, each twice; or the lines of standard input when nobody types."""
    usual = chosen(_line(_("PIN")))
    return usual, apart(usual, chosen(_line(_("PIN under duress")))) if duress else ""


def _line(title: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(title, hide_input=True, confirmation_prompt=_("{what}, again").format(what=title)))
