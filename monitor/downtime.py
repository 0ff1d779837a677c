"""For how long something was out of order, by the steps of its alarm. Pure."""

from collections.abc import Iterable

from monitor.terms import Stage

BEGINNINGS = (Stage.RAISED, Stage.REALARMED, Stage.REOPENED)


def active_s(steps: Iterable[tuple[str, float]], since: float, until: float) -> float:
    """For how long of this time a fault was there, by the stages of its alarm and their times."""
    total, begun = 0.0, None
    for stage, at in (*steps, (Stage.CLEARED, until)):
        if stage in BEGINNINGS:
            begun = at if begun is None else begun
        elif begun is not None and stage in (Stage.CLEARED, Stage.MENDED):
            total += max(0.0, min(at, until) - max(begun, since))
            begun = None
    return total
