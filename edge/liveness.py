"""Whether a track is a living face: the evidence of its views, and a verdict of four outcomes. Pure.

A veto, after ISO/IEC 30107-3: *live* passes, *attack* is refused and told, *unsure* steps up. The kinds of evidence:

- **Appearance**: what the liveness networks make of a face, the mean over all networks and views. They know small
  bright screens well and large sharp photographs badly.
- **Motion**: the camera is mounted, so what surrounds a living face stands still while the face does not. A picture
  held in a hand takes its own background along; one on a stand does not move at all.
- **Infrared**, where the camera has such a stream: a screen shows no face in it, and a face that does not show in it is
  never live, also while the stream gives no picture.
- **Border**: a straight outline around the face. Doors and posters have one too, so it only asks for more of the
  other two: of motion that it be known, of appearance that it be sure.
- **Pattern**: a fine wave that stands still on the face, as a camera sees of a screen's pixels. Skin has none, so a
  face that showed one is never live; not every screen shows one.

No cue alone opens a door. Motion of its own lowers what appearance must reach, the lack of it means unsure at best;
and between the two ends of the scale nobody is called an attack.
"""

from msgspec import Struct

from edge.presence import Cues, Infrared, Liveness, Motion, Verdict

MOVED = 0.006
"""Face widths between two looks; below this nothing moved: what stands still seems to move a third of that."""
ENOUGH = 5 * MOVED
"""Face widths, added up, that must have moved before motion says whose it was."""
OWN, CARRIED = 0.12, 0.35
"""Share of the motion that the surroundings make as well: up to OWN the face moved alone, from CARRIED it did not."""
BORDER = 0.6
"""From here an outline is one."""
PATTERN = 40.0
"""From here a wave that stands still on the face is one of a screen. The strongest of a thousand frequencies of chance
is 7 times as strong as those around it; living faces of development showed 28 at most."""
IN_INFRARED, DARK_IN_INFRARED = 0.5, 0.2
"""In which share of its views a living face shows in infrared, and up to which an attack does."""


class LivenessRules(Struct, frozen=True):
    """What the verdict asks for; appearance is 0 to 1."""

    votes: int = 3
    """Views without which nobody is live."""
    refuse_after: int = 6
    """Views without which nothing is an attack."""
    live_at_least: float = 0.95
    """Mean appearance of a live face of whose motion nothing is known, or that has an outline around it."""
    live_moving: float = 0.9
    """The same of a face that moved on its own."""
    attack_below: float = 0.3
    """Mean appearance of an attack."""
    attack_below_unmoving: float = 0.5
    """The same of a face that was carried or still."""
    watch_s: float = 1.0
    """How long a face is watched before it is an attack, still, or live although its motion cannot be told."""
    pattern_at_least: float = PATTERN
    """The strength of a wave from which a face is never live."""


class Watch:
    """What has been seen of one face: `see` takes each view, `found` may be asked at any time."""

    def __init__(self) -> None:
        self.views = 0
        self.attack = False
        self._first = self._last = 0.0
        self._measured = False
        self._appearance, self._border = Mean(), Mean()
        self._moved, self._carried = 0.0, Mean()
        self._infrared, self._dark = Mean(), Mean()
        self._pattern: float | None = None

    @property
    def watched_s(self) -> float:
        return self._last - self._first

    def see(self, cues: Cues, captured: float) -> None:
        """Take in one view, captured at this monotonic second."""
        if not self.views:
            self._first = captured
        self.views, self._last = self.views + 1, captured
        for value in cues.appearance:
            self._appearance.add(value)
        if cues.border is not None:
            self._border.add(cues.border)
        if cues.pattern is not None:
            self._pattern = max(self._pattern or 0.0, cues.pattern)
        if cues.infrared is not Infrared.ABSENT:
            self._infrared.add(float(cues.infrared is Infrared.FACE))
            self._dark.add(float(cues.infrared is Infrared.NONE))
        if cues.shift is not None:
            self._measured = True
            if cues.shift >= MOVED:
                self._moved += cues.shift
                if cues.carried is not None:
                    self._carried.add(cues.carried, cues.shift)

    def found(self, rules: LivenessRules) -> Liveness:
        """The verdict as it stands, and what it rests on."""
        motion = self._motion(rules)
        appearance, border = self._appearance.value, self._border.value
        verdict, infrared = self._verdict(motion, rules), self._infrared.value
        return Liveness(verdict, appearance, motion, border, self.views, self.watched_s, infrared, self._pattern)

    def _motion(self, rules: LivenessRules) -> Motion:
        if self._carried.weight >= ENOUGH:
            share = self._carried.value or 0.0
            return Motion.OWN if share <= OWN else Motion.CARRIED if share >= CARRIED else Motion.UNKNOWN
        still = self._measured and self._moved < ENOUGH and self.watched_s >= rules.watch_s
        return Motion.STILL if still else Motion.UNKNOWN

    def _verdict(self, motion: Motion, rules: LivenessRules) -> Verdict:
        """An attack stays one as long as the track lasts: what was a photograph does not come to life."""
        appearance = self._appearance.value
        if appearance is None:
            return Verdict.UNAVAILABLE
        unmoving = motion in (Motion.CARRIED, Motion.STILL)
        self.attack = self.attack or self._false(appearance, unmoving, rules)
        if self.attack:
            return Verdict.ATTACK
        if self.views < rules.votes or unmoving or not self._warm or self._patterned(rules):
            return Verdict.UNSURE
        live = self._moving(appearance, rules) if motion is Motion.OWN else self._certain(appearance, rules)
        return Verdict.LIVE if live else Verdict.UNSURE

    def _false(self, appearance: float, unmoving: bool, rules: LivenessRules) -> bool:
        if self.views < rules.refuse_after or self.watched_s < rules.watch_s:
            return False
        dark = (self._dark.value or 0.0) >= 1 - DARK_IN_INFRARED
        return dark or appearance < (rules.attack_below_unmoving if unmoving else rules.attack_below)

    @property
    def _warm(self) -> bool:
        """Whether the face shows in infrared, where that can be asked."""
        share = self._infrared.value
        return share is None or share >= IN_INFRARED

    @property
    def _bordered(self) -> bool:
        return (self._border.value or 0.0) >= BORDER

    def _patterned(self, rules: LivenessRules) -> bool:
        """Whether it was seen once that a screen is before the camera."""
        return self._pattern is not None and self._pattern >= rules.pattern_at_least

    def _moving(self, appearance: float, rules: LivenessRules) -> bool:
        return appearance >= (rules.live_at_least if self._bordered else rules.live_moving)

    def _certain(self, appearance: float, rules: LivenessRules) -> bool:
        """Live although motion tells nothing: watched for long enough, sure of its looks, and without an outline."""
        sure = self.watched_s >= rules.watch_s and appearance >= rules.live_at_least
        return sure and not self._bordered


class Mean:
    """A weighted mean that grows; `value` is None before the first."""

    def __init__(self) -> None:
        self.weight = self._sum = 0.0

    def add(self, value: float, weight: float = 1.0) -> None:
        self.weight += weight
        self._sum += weight * value

    @property
    def value(self) -> float | None:
        return self._sum / self.weight if self.weight else None
