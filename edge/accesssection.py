"""The table of the configuration about faces that may pass."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.errors import Phrase
from edge.sections import Fraction
from edge.strict import Problem


class AccessSection(Struct, forbid_unknown_fields=True):
    """When a face may pass."""

    fpir: Annotated[float, Meta(gt=0, le=0.5)] = 0.01
    """Wanted false-positive identification rate (ISO/IEC 19795): strangers taken for somebody enrolled."""
    votes: Annotated[int, Meta(ge=1, le=30)] = 3
    """How many views of one track must agree on the person."""
    freshness_s: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    """How old a frame may be when it opens the door."""
    cooldown_s: Annotated[float, Meta(ge=0.0, le=600)] = 5.0
    """How long after a grant the same person is not granted again at the same door."""
    refuse_after: Annotated[int, Meta(ge=1, le=100)] = 6
    """How many good views of a face may match nobody before it is refused."""
    live_at_least: Fraction = 0.95
    """From which mean of the liveness networks over a track a face is live whose motion tells nothing."""
    live_moving_at_least: Fraction = 0.9
    """The same for a face that moves while what surrounds it stands still."""
    attack_below: Fraction = 0.3
    """Under which mean of the liveness networks over a track a face is an attack; between the two it is unsure."""
    attack_below_unmoving: Fraction = 0.5
    """The same for a face that moves together with what surrounds it, or not at all."""
    live_watch_s: Annotated[float, Meta(ge=0.0, le=10)] = 1.0
    """How long a face is watched before it is called an attack, or live without its motion known."""
    pattern_at_least: Annotated[float, Meta(ge=1.0, le=1e9)] = 40.0
    """From which strength a fine pattern that stands still on a face is that of a screen, and the face is never live.
    Behind a lattice, a grille or wired glass everybody has one: 1e9 there, and a second factor."""
    several_people: Literal["nearest", "refuse", "both"] = "both"
    """Who may be recognised while several people stand in the capture zone: the nearest, nobody, or each of them."""
    attempts: Annotated[int, Meta(ge=0, le=100)] = 0
    """After so many refused attempts of a person, or of strangers at a door, no more are heard; 0 is no limit. What
    counts is what somebody gets who tries things out: an unknown face or card, an attack, a wrong PIN, a pass that is
    forged or for elsewhere, a second factor that did not come, a level that does not lead here. Refusals for the hour,
    an ended validity, a blocked door or two people who must come together do not count."""
    attempts_pins: Annotated[int, Meta(ge=1, le=20)] = 5
    """After so many wrong PINs of a person no more are heard, whatever `attempts` says; and after each further one
    without a right one between, also once that block is over."""
    attempts_within_s: Annotated[float, Meta(ge=1, le=86400)] = 300.0
    """Within what time they count."""
    attempts_block_s: Annotated[float, Meta(ge=1, le=86400)] = 300.0
    """For how long no more are heard. A command `forgive` ends it."""

    def problems(self) -> Iterator[Problem]:
        least = min(self.live_at_least, self.live_moving_at_least)
        for key in ("attack_below", "attack_below_unmoving"):
            if getattr(self, key) > least:
                yield key, Phrase("{low} is above what is live, {high}", low=getattr(self, key), high=least)
