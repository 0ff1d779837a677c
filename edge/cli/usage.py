"""What Typer says by itself, in the reader's language and at the width that a terminal gives it.

Its help asks gettext for some of its words and has others built in; its errors are English sentences only.
"""

import io
import re
from typing import Any
from unicodedata import east_asian_width

import typer

from edge.i18n import N_, _

WORDS = (
    N_("Usage: "),
    N_("Options"),
    N_("Arguments"),
    N_("Commands"),
    N_("default: {default}"),
    N_("required"),
    N_("Show this message and exit."),
)
SENTENCES = (
    N_("Try '{command}' for help."),
    N_("Error: {why}"),
    N_("No such command {name}. Did you mean {near}?"),
    N_("No such command {name}."),
    N_("No such option: {name} (Possible options: {near})"),
    N_("No such option: {name}"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Missing option {name}."),
    N_("Missing argument {name}. Choose from:\n\t{choices}"),
    N_("Missing argument {name}."),
    N_("Missing command."),
    N_("Got unexpected extra argument(s) ({given})"),
    N_("Invalid value for {name}: {why}"),
    N_("Value error, {value} is not one of {choices}."),
    N_("Input should be a valid number, unable to parse string as a number"),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be greater than or equal to {least}"),
    N_("Input should be less than or equal to {most}"),
    N_("path {path} does not exist."),
    N_("file {path} does not exist."),
    N_("file {path} is a directory."),
)
"""Its errors, the more particular ones first."""
FILLER = "\0"
"""Stands behind a character that is two columns wide while lines are broken."""

_Base: Any = typer.Context.formatter_class


class Formatter(_Base):  # type: ignore[misc]
    """Typer's help, with its own words translated and every line within the terminal."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or _("Usage: "))

    def write_text(self, text: str) -> None:
        super().write_text(_filled(text))

    def write_dl(self, rows: Any, *arguments: Any, **options: Any) -> None:
        super().write_dl([(_filled(term), _filled(text)) for term, text in rows], *arguments, **options)

    def getvalue(self) -> str:
        text: str = super().getvalue()
        return text.replace(FILLER, "")


class Context(typer.Context):
    """The context of every command."""

    formatter_class = Formatter

    def __init__(self, command: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(command, *arguments, **options)
        if option := command.get_help_option(self):
            option.help = _("Show this message and exit.")


def speaking(command: Any) -> Any:
    """A Typer command or group with its help, its parameters' help and its subcommands' in the reader's language."""
    command.context_class = Context
    for part in (command, *command.params):
        help_ = getattr(part, "help", None)
        if help_:
            part.help = _(help_)
    command.short_help = command.help
    for subcommand in getattr(command, "commands", {}).values():
        speaking(subcommand)
    return command


def complaint(error: Any) -> str:
    """What Typer says about a wrong call of a command (an exception of its own), in the reader's language."""
    said = io.StringIO()
    error.show(said)
    head, mark, why = said.getvalue().strip().partition("Error: ")
    if not mark:
        return head
    return "\n".join([*map(reworded, head.splitlines()), _("Error: {why}").format(why=reworded(why))])


def reworded(text: str) -> str:
    """One of the `SENTENCES`, translated, and so what is in it; another text as it is."""
    for template in SENTENCES:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return _(template).format(**{name: reworded(part) for name, part in found.groupdict().items()})
    return text


def _filled(text: str) -> str:
    return "".join(letter + FILLER if east_asian_width(letter) in "WF" else letter for letter in text)
