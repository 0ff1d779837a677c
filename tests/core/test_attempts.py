"""Refused attempts are forgotten when they count no longer, and not a moment before."""

import random
from typing import Any

import pytest
from msgspec import structs

from edge.attempts import AttemptRules, Attempts
from edge.doorevents import RepeatedRefusals
from edge.effects import Emit
from edge.terms import Reason

RULES = AttemptRules(most=3, within_s=10.0, block_s=20.0, pins=4)
WHY = [Reason.UNAUTHORIZED, Reason.UNAUTHORIZED, Reason.INVALID_PIN, Reason.STALE]


class Unforgetting(Attempts):
    """The same rules, and everybody is remembered for ever."""

    def _forget(self, now: float) -> None:
        pass


def both(chance: random.Random, at: float, person: str) -> Any:
    """What may happen at this moment, as something to do to each."""
    kind, door = chance.random(), chance.choice(["main", "side"])
    if kind < 0.75:
        why, turned = chance.choice(WHY), chance.random() < 0.1
        return lambda attempts: attempts.refused(door, person, why, at, turned)
    if kind < 0.85:
        typed = chance.random() < 0.5
        return lambda attempts: attempts.granted(door, person, typed)
    if kind < 0.88:
        return lambda attempts: attempts.forgive(person)
    return lambda attempts: attempts.blocked(door, person)


def in_any_order(told: Any) -> Any:
    """Several blocks may end at one moment."""
    return sorted(map(repr, told)) if isinstance(told, list) else told


@pytest.mark.parametrize("seed", range(20))
def test_what_is_forgotten_would_have_changed_nothing(seed: int) -> None:
    chance, at = random.Random(seed), 0.0
    ours, theirs = Attempts(RULES), Unforgetting(RULES)
    for _ in range(2_000):
        at += chance.choice([0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 19.0])
        act = both(chance, at, chance.choice(["ann", "bob", "cat", ""]))
        assert in_any_order(ours.tick(at)) == in_any_order(theirs.tick(at))
        assert in_any_order(act(ours)) == in_any_order(act(theirs)) and ours.deadline == theirs.deadline


@pytest.mark.parametrize("reason", [Reason.UNAUTHORIZED, Reason.SECOND_FACTOR_MISSING])
def test_of_people_who_were_refused_only_those_of_lately_are_remembered(reason: Reason) -> None:
    attempts = Attempts(RULES)
    for number in range(1_000):
        attempts.refused("main", f"visitor-{number}", reason, float(number))
    assert len(attempts._tallies) == RULES.within_s


def test_a_wrong_pin_is_remembered_however_long_ago_it_was() -> None:
    attempts = Attempts(RULES)
    told = [attempts.refused("main", "ann", Reason.INVALID_PIN, 1_000.0 * number) for number in range(1, 5)]
    for number in range(100):
        attempts.refused("main", f"visitor-{number}", Reason.UNAUTHORIZED, 5_000.0 + number)
    assert [bool(each) for each in told] == [False, False, False, True]


def test_the_end_of_one_block_at_a_door_says_that_it_lasts_for_another() -> None:
    attempts = Attempts(RULES)
    began = [("ann", "main", 0.0), ("bob", "main", 5.0), ("cat", "side", 6.0), ("dan", "main", 6.0), ("", "main", 6.0)]
    told = [
        emitted.event
        for person, door, at in began
        for _ in range(RULES.most)
        for emitted in attempts.refused(door, person, Reason.UNAUTHORIZED, at)
        if isinstance(emitted, Emit)
    ]
    for at in (20.0, 25.0, 26.0):
        told += [emitted.event for emitted in attempts.tick(at) if isinstance(emitted, Emit)]
    assert [(each.active, each.person, each.others) for each in told if isinstance(each, RepeatedRefusals)] == [
        (True, "ann", 0), (True, "bob", 1), (True, "cat", 0), (True, "dan", 2), (True, "", 3),
        (False, "ann", 3), (False, "bob", 2), (False, "cat", 0), (False, "dan", 1), (False, "", 0),
    ]  # fmt: skip


def test_the_end_of_one_block_ends_nothing_that_was_counted_of_others() -> None:
    attempts = Attempts(structs.replace(RULES, within_s=100.0))
    for at in (0.0, 1.0, 2.0):
        attempts.refused("main", "ann", Reason.UNAUTHORIZED, at)
    for at in (3.0, 4.0):
        attempts.refused("main", "bob", Reason.UNAUTHORIZED, at)
    assert attempts.tick(22.0)
    assert attempts.refused("main", "bob", Reason.UNAUTHORIZED, 23.0)


def test_strangers_are_not_heard_at_their_door_alone() -> None:
    attempts = Attempts(RULES)
    for at in (0.0, 1.0, 2.0):
        attempts.refused("main", "", Reason.CREDENTIAL_NOT_FOUND, at)
    assert [attempts.blocked(door, "") for door in ("main", "side")] == [True, False]
