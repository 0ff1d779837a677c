"""The examples of docs/scenarios.md, and what the document says of them."""

import re
from pathlib import Path
from typing import NamedTuple

from edge.rehearsal import Outcome, rehearse
from edge.scenario import read

EXAMPLE = re.compile(r"```toml\n(?P<text>.*?)```\n\n(?P<after>.*?)(?=\n#|\Z)", re.DOTALL)
EVENTS = re.compile(r"Events: (?P<events>[^.]*)\.")


class Example(NamedTuple):
    text: str
    events: list[str]


def examples(document: str) -> list[Example]:
    found = []
    for match in EXAMPLE.finditer(document):
        events = EVENTS.search(match["after"])
        found.append(
            Example(match["text"], re.findall(r"`([^`]*)`", " ".join(events["events"].split())) if events else [])
        )
    return found


def play(text: str, folder: Path) -> Outcome:
    file = folder / "scenario.toml"
    file.write_text(text)
    return rehearse(read(file))


def told(outcome: Outcome) -> list[str]:
    """Its events in short: the name, and what tells one from another of the same name."""
    names = []
    for effect in outcome.effects:
        if effect["effect"] == "event" and effect["event"] != "DoorPhysicalStateChanged":
            data = effect["data"]
            more = data.get("reason") or data.get("mode") or data.get("why")
            more = more or ("over" if data.get("active") is False else "")
            names.append(f"{effect['event']} {more}".strip())
    return names
