"""`edge-gate desk backup`, `restore` and `recover`: the desk's databases and keys, kept elsewhere and taken back."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.common import DESK, CredentialsOption, DeskOption, JsonOption, emit, say
from edge.errors import EdgeError
from edge.i18n import N_

if TYPE_CHECKING:
    from edge.recovery import Recovery

STDIN = Path("-")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=N_("Where to write it; must not be there yet."))],
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Write the desk's databases and keys to one file, sealed to the recovery key; the desk may run meanwhile."""
    from edge.backup import save
    from edge.config import Credentials, load_desk

    card = save(load_desk(config), Credentials(credentials), file)
    if json:
        emit({"file": str(file), "revision": card.revision, "bytes": file.stat().st_size})
    else:
        say("revision {revision} is in {path}; only the recovery key opens it", revision=card.revision, path=file)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=N_("A backup of this desk."))],
    key: Annotated[
        Path,
        typer.Option("--key", metavar="FILE", help=N_("The recovery key, backup.key; `-`: from standard input.")),
    ] = STDIN,
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Put the databases and keys of a backup in their places, which must be empty. Then: `desk recover`."""
    from edge.config import Credentials, load_desk
    from edge.restore import restore

    card = restore(load_desk(config), Credentials(credentials), file, _secret(key))
    if json:
        emit({"revision": card.revision, "taken_at": datetime.fromtimestamp(card.taken_at, UTC)})
        return
    at = datetime.fromtimestamp(card.taken_at, UTC)
    say("revision {revision} of {at:%Y-%m-%d %H:%M} UTC is restored", revision=card.revision, at=at)
    say("now let it learn what happened since: edge-gate desk recover")


def _secret(key: Path) -> str:
    try:
        return sys.stdin.read() if key == STDIN else key.read_text("ascii")
    except (OSError, ValueError) as error:
        raise EdgeError("{path} cannot be read: {why}", path=key, why=error) from error


def recover(
    store: Annotated[
        list[Path] | None,
        typer.Option("--store", metavar="FILE", help=N_("Learn from a gate's list.sqlite, too; may be repeated.")),
    ] = None,
    crl: Annotated[
        Path | None,
        typer.Option(
            "--crl",
            metavar="FILE",
            help=N_("Learn from the broker's crlfile whose certificates were withdrawn since the backup."),
        ),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help=N_("Go on although something could not be learned; it is in the journal."))
    ] = False,
    listen: Annotated[
        float, typer.Option("--listen", min=1, max=3600, metavar="SECONDS", help=N_("How long to wait for gates."))
    ] = 30.0,
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Have a desk that was restored learn from broker and gates who was revoked, erased or changed since its backup."""
    from edge.config import Credentials, load_desk
    from edge.recovery import Recoverer

    found = Recoverer(load_desk(config), Credentials(credentials)).recover(store or [], listen, accept, crl)
    if json:
        emit(_told(found))
    else:
        _say(found, crl)
    if not found.revision:
        raise typer.Exit(1)


def _told(found: "Recovery") -> dict[str, object]:
    told = {name: getattr(found, name) for name in found.__struct_fields__}
    return {**told, "lacking": [str(each) for each in found.lacking], "recovered": bool(found.revision)}


LEARNED = {
    "revoked": N_("revoked since: {names}"),
    "erased": N_("erased since: {names}"),
    "changed": N_("changed since: {names}"),
    "nameless": N_("enrolled since; enter their names with people edit: {names}"),
    "unread": N_("changed or enrolled since, under a content key that this backup does not have: {names}"),
    "gates_shut_out": N_("gates that were shut out since: {names}"),
    "gates_unknown": N_("gates that were added since, to be added again: {names}"),
    "workstations": N_(
        "workstations that the backup authorises; revoke now those that were revoked or added anew since: {names}"
    ),
    "workstations_shut_out": N_("workstations that were shut out since: {names}"),
}


def _say(found: "Recovery", crl: Path | None) -> None:
    for name, heading in LEARNED.items():
        if names := getattr(found, name):
            say(heading, names=", ".join(names))
    for each in found.lacking:
        say("not learned: {what}", what=each)
    if found.revision:
        if found.crl:
            _say_of_list(Path(found.crl), crl)
        say("the list goes on with revision {revision}; start the desk", revision=found.revision)
    else:
        say("nothing was changed; name stores of gates with --store, or use --accept")


def _say_of_list(written: Path, shown: Path | None) -> None:
    """The list that a backup brings back is older than the one that the broker had, and is never to take its place."""
    from edge.cli.desk import tell_of_list

    if shown is None:
        say(
            "certificates that were withdrawn since the backup are on no list here, but for gates that have lost their "
            "keys: before the new list is copied, do this again with --crl and the list that the broker has, or revoke "
            "again whoever was revoked since"
        )
    tell_of_list(written)
