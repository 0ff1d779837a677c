"""What becomes untrue while somebody waits for the rest, for another person, or for the record of a grant."""

from typing import Any

import pytest
from msgspec import structs

from edge.doorevents import AccessGranted
from edge.facts import PinEntered, Pulse, Recorded
from edge.terms import Reason
from tests.core.test_entry import granted, looks, reasons, world
from tests.core.test_gate import LIST
from tests.core.worlds import World, events


def pulses(w: World) -> list[Pulse]:
    return [effect for effect in w.effects if isinstance(effect, Pulse)]


CHANGES: list[dict[str, Any]] = [{"people": 1}, {"people": 1, "revision": 2}, {"edition": 2}, {"threshold": 0.6}]
"""A tombstone, another list, somebody without a face who is gone, another table."""


@pytest.mark.parametrize("change", [*CHANGES, {}])
def test_whatever_changes_of_the_list_ends_attempts_and_the_same_list_again_ends_none(change: dict[str, Any]) -> None:
    w = world()
    looks(w, 1, live=None)
    w.at(2, structs.replace(LIST, **change))
    w.at(9, PinEntered("main", "pad", "2580"))
    w.at(9.1, Recorded(1, True))
    assert len(granted(w)) == len(pulses(w)) == (not change)


@pytest.mark.parametrize("change", [*CHANGES, {}])
def test_a_grant_whose_record_is_awaited_opens_nothing_once_the_list_is_another(change: dict[str, Any]) -> None:
    w = world()
    looks(w, 1)
    w.at(1.1, structs.replace(LIST, **change))
    w.at(1.15, Recorded(1, True))
    w.at(2, Recorded(1, True))
    assert len(pulses(w)) == (not change)
    assert reasons(w) == ([Reason.STALE] if change else [])


def test_who_is_still_on_the_other_list_passes_by_looking_on() -> None:
    w = world()
    looks(w, 1)
    w.at(1.1, structs.replace(LIST, people=1))
    looks(w, 1.2)
    w.at(1.3, Recorded(2, True))
    assert len(pulses(w)) == 1 and len(events(w.effects, AccessGranted)) == 2
