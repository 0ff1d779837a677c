"""`edge-gate keys new`: make the keys that a gate and its recorder need."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import JsonOption, emit, say
from edge.config import Credentials
from edge.errors import SealError
from edge.i18n import N_
from edge.seal import new_sealing_key, new_signing_key

keys = typer.Typer()


class Kind(StrEnum):
    WHITELIST = "whitelist"
    SIGNING = "signing"
    PASS = "pass"
    OPERATOR = "operator"


FILES: dict[Kind, tuple[str, Callable[[Path], object]]] = {
    Kind.WHITELIST: ("whitelist.key", new_sealing_key),
    Kind.SIGNING: ("recorder.jwk", new_signing_key),
    Kind.PASS: ("pass.jwk", new_signing_key),
    Kind.OPERATOR: ("operator.jwk", new_signing_key),
}
KINDS = N_(
    "whitelist: seals records; signing: the recorder's word; pass: the desk's passes; operator: commands to gates."
)

KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help=KINDS)]
Directory = Annotated[
    Path | None,
    typer.Option("--directory", metavar="DIRECTORY", help=N_("Where; otherwise the credentials directory.")),
]


@keys.command()
def new(kind: KindArgument, directory: Directory = None, json: JsonOption = False) -> None:
    """Make a new key; one that is there is never replaced."""
    name, make = FILES[kind]
    path = Credentials(directory).path(name)
    try:
        make(path)
    except FileExistsError as error:
        hint = "what was sealed or signed with it needs it; move it away if you are sure"
        raise SealError("there is a key at {path} already", hint, path=path) from error
    except OSError as error:
        raise SealError("{path} cannot be written: {why}", path=path, why=error.strerror) from error
    if json:
        emit({"key": str(path)})
    else:
        say("made {path}; keep a copy where nobody else can read it", path=path)
