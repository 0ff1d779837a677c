"""What the gate says to every example of docs/scenarios.md, to the last field, its wake-ups and its final state.

The reference is a recording, not a specification: a change of it is read and kept, or it is a mistake.
`python -m tests.replay.reference` writes it anew.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from edge.facts import Fact
from edge.gate import Gate, Step
from edge.terms import Now
from tests.conftest import ROOT
from tests.scenarios import examples, play

REFERENCE = Path(__file__).parent / "reference.txt"


def told() -> Iterator[str]:
    """One line a step that had effects: when, what the fact was, what followed, and when it wants to be woken."""
    for number, example in enumerate(examples((ROOT / "docs/scenarios.md").read_text())):
        yield f"# example {number}"
        lines: list[str] = []
        with tempfile.TemporaryDirectory() as folder, patch.object(Gate, "step", _recorded(lines)):
            play(example.text, Path(folder))
        yield from lines


def _recorded(lines: list[str]) -> Callable[[Gate, Fact, Now], Step]:
    """`Gate.step` that writes down what it says, and what of the state is another than before."""
    step, known = Gate.step, dict[str, Any]()

    def recorded(gate: Gate, fact: Fact, now: Now) -> Step:
        found = step(gate, fact, now)
        if not found.effects:
            return found
        wake = "never" if found.wake is None else f"{found.wake:.3f}"
        lines.append(f"{now.mono:.3f} {type(fact).__name__}, wake {wake}")
        lines.extend(f"    {_short(each)}" for each in found.effects)
        state = {**msgspec.to_builtins(gate.state()), "eyes": msgspec.to_builtins(gate.eyes())}
        lines.extend(f"    {key} = {_short(part)}" for key, part in state.items() if part != known.get(key, 0))
        known.update(state)
        return found

    return recorded


def _short(thing: object) -> str:
    """As JSON, without what is empty: a new field that says nothing changes no line."""
    return msgspec.json.encode(_said(msgspec.to_builtins(thing))).decode()


def _said(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _said(value) for key, value in part.items() if value or (value == 0.0 and value is not False)}
    return [_said(value) for value in part] if isinstance(part, list) else part


if __name__ == "__main__":
    REFERENCE.write_text("".join(f"{line}\n" for line in told()))
