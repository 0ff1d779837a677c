"""Whether a camera sees what it should, from the numbers of its views. Pure; times are monotonic seconds.

A verdict changes only when the views have been good or bad for a while: people walk past, lamps are switched.
"""

from collections.abc import Iterator
from itertools import chain

from msgspec import Struct

from edge.errors import in_english
from edge.terms import Status, View

DARK, GLARE, FLAT, SOFT = 0.06, 0.5, 0.03, 0.09
"""Below or above which a view is of no use: mean luma, share of white pixels, contrast, sharpness.

They must hold for every camera, so they lie far from any scene with light in it: those that were looked at had a
brightness of 0.1 to 0.6, less than a hundredth of white, a contrast above 0.08 and a sharpness of 0.29 to 0.72; out of
focus by a two-hundredth of the picture's width it was 0.06 to 0.12.
"""
LIT = 0.06
"""Contrast from which a dark view has light in it: a lamp in the night is a scene."""
STILL = 1e-4
"""Mean change between two views of a second, below which nothing has changed: a sensor's noise alone makes more."""
UNLIKE = 0.4
"""Correlation with the confirmed view below which it is another one.

A crowd in front of it left 0.52 and more; a camera turned by a tenth of its picture 0.22 to 0.45.
"""
HOLD_S = {Status.FROZEN: 60.0, Status.MOVED: 20.0}
OTHERWISE_S = 10.0
"""How long a verdict must be the same before it counts; an empty hall at night may stand still for a minute."""

Fault = tuple[Status, str]
"""What is wrong with a view, and in words what says so."""


class SightRules(Struct, frozen=True):
    """What a camera should deliver. `width` and `height` in pixels; 0 when any size will do.

    `clock_limit_s` is how far its clock may be from the gate's; 0 when it may be anywhere.
    """

    width: int = 0
    height: int = 0
    clock_limit_s: float = 0.0


class Sight:
    """The view of one camera. `status` is STREAMING while it is as it should be."""

    def __init__(self, rules: SightRules) -> None:
        self._rules = rules
        self.status, self.detail = Status.STREAMING, ""
        self.seen, self._since = Status.STREAMING, 0.0
        """What the last view alone says, and since when."""
        self._bad_since: dict[float, float | None] = dict.fromkeys((*HOLD_S.values(), OTHERWISE_S))
        """Since when no view was without a fault that counts after so many seconds or fewer."""

    def look(self, view: View, now: float) -> Status:
        """Take in one view, about one a second; the verdict."""
        seen, detail = self._judge(view)
        if seen is not self.seen:
            self.seen, self._since = seen, now
        held = seen if seen is not Status.STREAMING else self.status
        bad, same = self._bad(seen, now), now - self._since >= HOLD_S.get(held, OTHERWISE_S)
        if same or (bad and self.status is Status.STREAMING):
            self.status, self.detail = seen, detail
        return self.status

    def _bad(self, seen: Status, now: float) -> bool:
        """Whether the views have had one fault or another for long enough; the last one names it."""
        for hold, since in self._bad_since.items():
            counts = seen is not Status.STREAMING and HOLD_S.get(seen, OTHERWISE_S) <= hold
            self._bad_since[hold] = (now if since is None else since) if counts else None
        return any(since is not None and now - since >= hold for hold, since in self._bad_since.items())

    def _judge(self, view: View) -> Fault:
        """What this view alone says, the plainest fault first, with the number that says so."""
        faults = chain(self._size(view), _light(view), _detail(view), _likeness(view))
        return next(faults, (Status.STREAMING, ""))

    def _size(self, view: View) -> Iterator[Fault]:
        seen = (view.width, view.height)
        wanted = (self._rules.width or view.width, self._rules.height or view.height)
        if seen != wanted:
            text = in_english("{seen} pixels instead of {wanted}", seen=_pixels(*seen), wanted=_pixels(*wanted))
            yield Status.WRONG_SIZE, text


def _light(view: View) -> Iterator[Fault]:
    if view.brightness < DARK and view.contrast < LIT:
        yield Status.TOO_DARK, in_english("brightness {number:.3f}", number=view.brightness)
    if view.glare > GLARE:
        yield Status.TOO_BRIGHT, in_english("{share:.0%} of the picture is white", share=view.glare)


def _detail(view: View) -> Iterator[Fault]:
    if view.contrast < FLAT:
        yield Status.COVERED, in_english("contrast {number:.3f}", number=view.contrast)
    if view.sharpness < SOFT:
        yield Status.BLURRED, in_english("sharpness {number:.3f}", number=view.sharpness)


def _likeness(view: View) -> Iterator[Fault]:
    """To the view before, and to the one that was confirmed."""
    if view.change is not None and view.change < STILL:
        yield Status.FROZEN, in_english("the picture does not change")
    if view.likeness is not None and view.likeness < UNLIKE:
        yield Status.MOVED, in_english("likeness {number:.2f}", number=view.likeness)


def _pixels(width: int, height: int) -> str:
    return f"{width} x {height}"
