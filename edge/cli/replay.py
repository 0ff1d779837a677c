"""`edge-gate replay`: take a recorded fact log through the rules again."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import JsonOption, emit, say
from edge.factlog import Replay
from edge.i18n import N_

SHOWN = 10
"""Differences that are shown to people; programs get them all."""


def replay(
    log: Annotated[Path, typer.Argument(metavar="LOG", help=N_("A fact log, facts.jsonl of a gate."))],
    json: JsonOption = False,
) -> None:
    """Take a recorded fact log through the rules again and compare the effects."""
    from edge.factlog import replay as again

    result = again(log)
    if json:
        emit({**_counts(result), "differences": result.differences})
    else:
        _tell(result)
    if result.differences:
        raise typer.Exit(1)


def _counts(result: Replay) -> dict[str, object]:
    return {"facts": result.facts, "effects": result.effects, "same": not result.differences}


def _tell(result: Replay) -> None:
    say("{facts} facts replayed, {effects} effects", facts=result.facts, effects=result.effects)
    for difference in result.differences[:SHOWN]:
        say(
            "line {line}: {fact}\n  then: {logged}\n  now:  {replayed}",
            line=difference.line, fact=bytes(difference.fact).decode(),
            logged=bytes(difference.logged).decode(), replayed=bytes(difference.replayed).decode(),
        )  # fmt: skip
    if result.differences:
        say("{count} facts had other effects than they have now", count=len(result.differences))
    else:
        say("every effect is the same")
