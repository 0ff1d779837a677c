"""`edge-gate simulate-reader`: be a keypad or card reader, to try a gate before one hangs on the wall."""

import sys
from typing import Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.config import Credentials, load
from edge.errors import EdgeError
from edge.i18n import N_, _
from edge.reader import ReaderLink
from edge.seal import load_secret
from edge.session import address


def simulate_reader(
    reader: Annotated[str, typer.Option("--reader", metavar="NAME", help=N_("The reader, by its configuration."))],
    card: Annotated[
        str, typer.Option("--card", metavar="NUMBER", help=N_("The card that is held up; otherwise a PIN is typed."))
    ] = "",
    heartbeat: Annotated[
        float,
        typer.Option(
            "--heartbeat",
            metavar="SECONDS",
            min=0,
            max=3600,
            help=N_("Only say that the reader is there, so often, until interrupted; 0: not."),
        ),
    ] = 0.0,
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Say to a gate what a keypad or card reader would: a card, or a PIN that is typed or on standard input."""
    found, secrets = load(config), Credentials(credentials)
    known = {section.name: section for section in found.reader if section.key_credential}
    if reader not in known:
        names = ", ".join(known) or "-"
        raise EdgeError("there is no reader {name} with a key_credential; there are: {names}", name=reader, names=names)
    key = load_secret(secrets.path(known[reader].key_credential))
    pin = "" if card or heartbeat else _typed()
    link = ReaderLink(address(found.broker, secrets), found.gate.site, found.gate.name, reader, key)
    try:
        while heartbeat:
            link.beat()
            link.rest(heartbeat)
        link.show(pin, card.upper())
    finally:
        link.close()
    if json:
        emit({"reader": reader, "door": known[reader].door, "shown": "card" if card else "pin"})
    else:
        say("{gate} was told; edge-gate watch shows what became of it", gate=found.gate.name)


def _typed() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(_("PIN"), hide_input=True))
