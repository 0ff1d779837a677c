"""`edge-gate monitor user`: who may use the page of the monitoring room."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.common import JsonOption, emit, say
from edge.errors import EdgeError
from edge.i18n import N_

if TYPE_CHECKING:
    from monitor.accounts import Accounts

user = typer.Typer()

CONFIG = Path("/etc/edge-gate/monitor.toml")
RoomOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help=N_("The configuration of the monitoring room."))
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=N_("The name that the person logs in with."))]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help=N_("Read the password from standard input, one line."))
]


class Roles(StrEnum):
    VIEWER = "viewer"
    GUARD = "guard"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"


def read_password(from_stdin: bool) -> str:
    """From standard input, or of who sits there."""
    if not from_stdin and not sys.stdin.isatty():
        raise EdgeError("there is nobody to ask for the password", "use --password-stdin")
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else str(typer.prompt("", hide_input=True))


def _note(accounts: "Accounts", deed: str, detail: str) -> None:
    """Have the room's audit say whose work at this machine it was."""
    from edge.journal import account

    accounts.note(account(), deed, detail)


@user.command()
def add(
    name: NameArgument,
    role: Annotated[Roles, typer.Option("--role", metavar="ROLE", help=N_("viewer, guard, operator or supervisor."))],
    password_stdin: PasswordOption = False,
    config: RoomOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Make an account. Without --password-stdin the password is asked for."""
    from monitor.accounts import Accounts, Role
    from monitor.database import Database
    from monitor.settings import load

    configured, password = load(config), read_password(password_stdin)
    with Database(configured.database) as database:
        accounts = Accounts(database)
        accounts.add(name, Role(role), password)
        _note(accounts, "account added", f"{name}: {role}")
    if json:
        emit({"name": name, "role": role})
    else:
        say("{name} may log in as {role}", name=name, role=role)


@user.command()
def change(
    name: NameArgument,
    role: Annotated[
        Roles | None, typer.Option("--role", metavar="ROLE", help=N_("viewer, guard, operator or supervisor."))
    ] = None,
    password_stdin: PasswordOption = False,
    config: RoomOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Give an account another role, or without --role another password; either ends its sessions."""
    from monitor.accounts import Accounts, Role
    from monitor.database import Database
    from monitor.settings import load

    configured = load(config)
    password = read_password(password_stdin) if password_stdin or role is None else ""
    with Database(configured.database) as database:
        accounts = Accounts(database)
        accounts.change(name, Role(role) if role else None, password)
        changed = [*([str(role)] if role else []), *(["another password"] if password else [])]
        _note(accounts, "account changed", f"{name}: {', '.join(changed)}")
    if json:
        emit({"name": name})
    else:
        say("{name} is changed and has to log in again", name=name)


@user.command()
def remove(name: NameArgument, config: RoomOption = CONFIG, json: JsonOption = False) -> None:
    """Take an account away, and end its sessions."""
    from monitor.accounts import Accounts
    from monitor.database import Database
    from monitor.settings import load

    with Database(load(config).database) as database:
        accounts = Accounts(database)
        accounts.remove(name)
        _note(accounts, "account removed", name)
    if json:
        emit({"name": name})
    else:
        say("{name} may not log in any more", name=name)


@user.command("list")
def list_users(config: RoomOption = CONFIG, json: JsonOption = False) -> None:
    """Show the accounts."""
    from monitor.accounts import Accounts
    from monitor.database import Database
    from monitor.settings import load

    with Database(load(config).database) as database:
        users = Accounts(database).users()
    if json:
        emit({"users": users})
        return
    for each in users:
        typer.echo(f"{each.name}: {each.role}")
