"""What the commands share: their common options, one line of JSON or translated text out, and failures."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from edge.errors import ConfigurationError, EdgeError, Phrase
from edge.i18n import N_, _


def _remember(ctx: typer.Context, wanted: bool) -> bool:
    ctx.meta["json"] = wanted
    return wanted


ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help=N_("The configuration of the gate."))]
"""Give it the default `CONFIG`."""
DESK = Path("/etc/edge-gate/desk.toml")
DeskOption = Annotated[Path, typer.Option("--config", metavar="FILE", help=N_("The configuration of the desk."))]
"""Give it the default `DESK`."""
CredentialsOption = Annotated[
    Path | None,
    typer.Option("--credentials", metavar="DIRECTORY", help=N_("Where secrets are; otherwise $CREDENTIALS_DIRECTORY.")),
]
"""Give it the default None; for `edge.config.Credentials`."""
JsonOption = Annotated[
    bool, typer.Option("--json", callback=_remember, is_eager=True, help=N_("Answer with one line of JSON."))
]
"""Give it the default False."""
CONFIG = Path("/etc/edge-gate/gate.toml")


def emit(value: object) -> None:
    """One line of JSON on standard output; a file name that is no UTF-8 keeps its bytes, escaped as Python does."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value))
    typer.echo(text)


class OneLine(logging.Formatter):
    """A record is one line, whatever somebody else has put into it: a name may begin none, nor steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """With the traceback of an exception, which may be of somebody else's words too."""
        text = "; ".join(super().format(record).splitlines())
        return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def log_to_stderr(level: int, form: str) -> None:
    """Have everything from this level on said on standard error, in the form of a `logging.Formatter`."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(form))
    logging.basicConfig(level=level, handlers=[handler])


def say(template: str, **fields: object) -> None:
    """A line for people on standard output: `template` is a message id, `fields` fill its translation."""
    typer.echo(Phrase(template, **fields).render(_))


def fail(error: EdgeError, as_json: bool) -> None:
    """Tell what failed and how to mend it: one line of English JSON for programs, else text on standard error."""
    if as_json:
        problems = error.problems if isinstance(error, ConfigurationError) else []
        emit({"error": str(error.message), "hint": str(error.advice), "problems": [str(each) for each in problems]})
    else:
        print(error.render(_), file=sys.stderr)
