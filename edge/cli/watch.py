"""`edge-gate watch`: what the monitoring room sees, live."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit
from edge.cli.record import BrokerOption, address_of
from edge.errors import EdgeError
from edge.i18n import N_

if TYPE_CHECKING:
    from edge.mqtt import Address
    from edge.transport import Envelope
    from monitor.hub import News
    from monitor.picture import Picture
    from monitor.remote import Remote
    from monitor.watch import Board


def watch(
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    broker: BrokerOption = "",
    room: Annotated[
        str, typer.Option("--room", metavar="URL", help=N_("Log in at this monitoring room instead; it acknowledges."))
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help=N_("Who logs in at the room."))] = "",
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", metavar="FILE", help=N_("The password; otherwise it is asked for.")),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", metavar="FILE", help=N_("The authority of the room's certificate."))
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what the monitoring room sees, live; with --json one line an event, for ever."""
    if room:
        from monitor.remote import Remote

        if not user:
            raise EdgeError("say who logs in at the room, with --user")
        _room(Remote(room, user, _password(password_file), ca_file), json)
    else:
        _broker(address_of(broker, config, credentials), json)


def _password(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise EdgeError("there is nobody to ask for the password", "use --password-file")
        return str(typer.prompt("", hide_input=True))
    try:
        return file.read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise EdgeError("{path} cannot be read: {why}", path=file, why=getattr(error, "strerror", error)) from error


def _room(remote: "Remote", json: bool) -> None:
    told = _Link()

    def lines(picture: "Picture", news: list["News"]) -> None:
        told.say(picture.link)
        for each in news:
            emit(each)

    if json:
        remote.run(lines)
    else:
        _show(lambda hand_on: remote.run(lambda picture, _: hand_on(picture)), remote.acknowledge)


def _broker(address: "Address", json: bool) -> None:
    from monitor.watch import listen

    told = _Link()

    def lines(board: "Board", new: list["Envelope"]) -> None:
        told.say(board.link)
        for event in new:
            emit(event)

    if json:
        listen(address, lines)
    else:
        _show(lambda hand_on: listen(address, lambda board, _: hand_on(board.picture())), None)


def _show(feed: "Callable[[Callable[[Picture], None]], None]", acknowledge: Callable[[int], str] | None) -> None:
    from monitor.terminal import Terminal

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EdgeError("the picture needs a terminal", "use --json")
    terminal = Terminal(feed, acknowledge)
    terminal.run()
    if terminal.failed:
        raise terminal.failed


class _Link:
    """Says once on standard error why nothing arrives."""

    def __init__(self) -> None:
        self._told = ""

    def say(self, why: str) -> None:
        if why and why != self._told:
            print(why, file=sys.stderr)
        self._told = why
