"""The command `edge-gate`. Each command is the function or group of its own name in the module that the table names.

A module is imported when its command is used, so that `--help` and `check` need neither OpenCV nor a model.
"""

import importlib
import io
import os
import sys
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from edge import __version__
from edge.cli.common import fail
from edge.cli.usage import Context, complaint, speaking
from edge.errors import EdgeError, Phrase
from edge.i18n import N_, _, speak


class Entry(NamedTuple):
    """Where a command is, what it does, and which file of requirements/ has all that it imports."""

    module: str
    help: str
    needs: str = "gate"


COMMANDS = {
    "run": Entry("run", N_("Run a gate: all its processes, or the one that a service unit names.")),
    "check": Entry("check", N_("Validate a configuration and name everything that is wrong with it.")),
    "doctor": Entry("check", N_("Go through what a gate needs and say how to mend what is amiss.")),
    "camera": Entry("camera", N_("Aim a camera.")),
    "relay": Entry("relay", N_("Test a relay, or drive it to its safe value.")),
    "models": Entry("models", N_("List, fetch and verify model packs.")),
    "keys": Entry("keys", N_("Make keys.")),
    "enroll": Entry("enroll", N_("Enrol a person from photos, or everybody in a folder or a list.")),
    "people": Entry("people", N_("Show, change, export, revoke and erase people.")),
    "revoke": Entry("people", N_("Withdraw a person's access at once.")),
    "command": Entry("command", N_("Command a gate from the monitoring room.")),
    "drill": Entry("drill", N_("Play a recorded approach through the gate, its relay simulated.")),
    "visitor": Entry("visitor", N_("Invite visitors, verify passes, revoke them.")),
    "desk": Entry("desk", N_("Be the one authority for a site's whitelist.")),
    "gates": Entry("desk", N_("Add, list and shut out the gates of a site.")),
    "workstations": Entry("workstations", N_("Add, list and shut out the places that may ask the desk for changes.")),
    "sync": Entry("desk", N_("How far every gate is with the whitelist, and whether a store is what the desk signed.")),
    "audit": Entry("audit", N_("Who did what to the whitelist, and whether that record is whole.")),
    "privacy": Entry("privacy", N_("What is held about one person.")),
    "record": Entry("record", N_("Receive, keep and acknowledge the events of all gates."), "monitor"),
    "monitor": Entry("monitor", N_("Serve the page of the monitoring room, and keep its accounts."), "monitor"),
    "watch": Entry("watch", N_("Show what the monitoring room sees, live.")),
    "site": Entry("site", N_("Run a whole site on this machine: a desk, a broker, gates.")),
    "simulate-site": Entry("simulate_site", N_("Run simulated gates, for trying the monitoring room."), "dev"),
    "simulate-reader": Entry("simulate_reader", N_("Be a keypad or card reader, to try a gate.")),
    "replay": Entry("replay", N_("Take a recorded fact log through the rules again and compare.")),
    "calibrate": Entry("calibrate", N_("Measure how alike the enrolled people are, and what the threshold is worth.")),
    "evaluate": Entry("evaluate", N_("Evaluate recognition by the standard protocols.")),
    "inside": Entry("inside", N_("List who is inside, by area, for an evacuation.")),
    "simulate": Entry("rehearse", N_("Play a scenario to the gate's rules and show every effect.")),
    "explain": Entry("explain", N_("Say why somebody was let in or refused."), "monitor"),
    "bench": Entry("bench", N_("Measure."), "dev"),
    "demo": Entry("demo", N_("Show a whole gate at work on this machine."), "dev"),
}
OURS = {"edge", "monitor", "bench"}


class Commands(TyperGroup):
    """Lists commands from the table, imports the one that is used, and shows expected failures without a traceback."""

    context_class = Context

    def __init__(self, **attributes: Any) -> None:
        texts = {name: _(entry.help) for name, entry in COMMANDS.items()}
        commands = {name: TyperCommand(name, help=text, short_help=text) for name, text in texts.items()}
        super().__init__(**attributes | {"commands": commands})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _listed, rest = super().resolve_command(ctx, args)
        ctx.invoked_subcommand = name  # a package that is missing already here is told of this command
        return name, load(name), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (EdgeError, ModuleNotFoundError) as error:
            told = error if isinstance(error, EdgeError) else _missing(error, ctx.invoked_subcommand)
            fail(told, bool(ctx.meta.get("json")))
            raise typer.Exit(1) from error
        except (KeyboardInterrupt, typer.Abort) as error:  # the latter where a prompt was asked
            raise typer.Exit(130) from error


def _missing(error: ModuleNotFoundError, command: str) -> EdgeError:
    """What to install for a command that somebody uses without its packages; a module of ours that is not is a bug."""
    package = (error.name or "").partition(".")[0]
    if not package or package in OURS:
        raise error
    if package in sys.stdlib_module_names:
        text = "{command} needs {module} of Python's standard library, which this Python was built without"
        hint = "use a whole Python: on Debian apt install python3-full"
        return EdgeError(text, hint, command=f"edge-gate {command}", module=package)
    hint = "install what it needs: pip install --require-hashes -r requirements/{needs}.txt"
    text = "{command} needs the Python package {package}, which is not installed"
    return EdgeError(text, hint, command=f"edge-gate {command}", package=package, needs=COMMANDS[command].needs)


def load(name: str | None) -> Any:
    """The command of this name, with its help in the reader's language."""
    assert name  # the group resolved it
    entry = COMMANDS[name]
    target = getattr(importlib.import_module(f"edge.cli.{entry.module}"), name.replace("-", "_"))
    if isinstance(target, typer.Typer):
        target.rich_markup_mode = None
        group = typer.main.get_group(target)
        group.name, group.help = name, entry.help
        group.no_args_is_help = not group.invoke_without_command
        return speaking(group)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, help=target.__doc__ or entry.help)(target)
    return speaking(typer.main.get_command(single))


app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edge-gate {__version__}")
        raise typer.Exit


@app.callback(help=_("A door controller that recognises the people who enrolled."))
def edge_gate(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=_("Show the version and exit."))
    ] = False,
) -> None: ...


class Unwritable(OSError):
    """What a command says cannot be written to standard output."""


class Output(io.TextIOWrapper):
    """Standard output whose failure is told apart from every other one. A file name that is no text is escaped."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise Unwritable(*error.args) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise Unwritable(*error.args) from error


def main() -> None:
    """The console script: exit status 0, 1 when a command failed, 2 when it was called wrongly, 130 after Ctrl-C."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - there is none under `<&-`
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        lines = output.line_buffering
        sys.stdout = Output(output.buffer, output.encoding, errors="backslashreplace", line_buffering=lines)
    try:
        speak()
        status = _status()
        if sys.stdout:  # there is none under `>&-`
            sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except Unwritable as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())  # or Python would try again at its end
        print(Phrase("the answer could not be written: {why}", why=error.strerror).render(_), file=sys.stderr)
        status = 1
    sys.exit(status)


def _status() -> Any:
    """Run the command that was called; what it leaves as exit status."""
    try:
        return app(prog_name="edge-gate", standalone_mode=False)
    except TyperException as error:
        if "--json" in sys.argv:
            fail(EdgeError("{why}", why=error.format_message()), True)
        else:
            print(complaint(error), file=sys.stderr)
        return error.exit_code
