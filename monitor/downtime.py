"""For how long something was out of order, by the steps of its alarm. Pure."""

from collections.abc import Iterable, Iterator

from monitor.terms import Stage

BEGINNINGS = (Stage.RAISED, Stage.REALARMED, Stage.REOPENED)


Story = Iterable[tuple[str, float]]
"""The stages of an alarm and their times."""


def active_s(stories: Iterable[Story], since: float, until: float) -> float:
    """For how long of this time one of several faults of the same thing, at least, was there."""
    total, reached = 0.0, since
    for begin, end in sorted(spell for story in stories for spell in _spells(story, until)):
        total += max(0.0, min(end, until) - max(begin, reached))
        reached = max(reached, end)
    return total


def _spells(story: Story, until: float) -> Iterator[tuple[float, float]]:
    """When a fault was there, from when to when."""
    begun = None
    for stage, at in (*story, (Stage.CLEARED, until)):
        if stage in BEGINNINGS:
            begun = at if begun is None else begun
        elif begun is not None and stage in (Stage.CLEARED, Stage.MENDED):
            yield begun, at
            begun = None
