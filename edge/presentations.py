"""Presentation-attack detection measured: how many attacks are taken for live, how many living people are not.

ISO/IEC 30107-3: APCER for each attack species, BPCER. A clip is shown to what a gate's eye looks through and to the
verdict that its gate asks for, with the times that its frames carry, and ends as it would have there: a face that is
live at any moment opens the door, and one that is called an attack is one to the end. Of several faces the nearest
counts; whom it shows is not asked. An attack without a face counts as refused, a living person without one as unsure.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from msgspec import Struct, structs

from edge import plots
from edge.clips import clips, frames
from edge.faces import Vision
from edge.gaze import Gaze
from edge.liveness import LivenessRules, Watch
from edge.photos import Decoder
from edge.presence import Cues, Liveness, Verdict
from edge.rates import Point, wilson
from edge.track import Zone, eye_distance

DETECT_WIDTH_PX = 640
CURVE = 60
"""Points of a DET curve."""
ORDER = (Verdict.LIVE, Verdict.ATTACK, Verdict.UNSURE, Verdict.UNAVAILABLE)
"""Of several tracks of a clip the first of these decides."""

Progress = Callable[[int, int], None]


View = tuple[int, float, Cues]
"""Track, seconds and cues."""


class Judged(Struct, frozen=True):
    """A clip and what came of it; `liveness` is None when no face good enough was found."""

    species: str
    """Empty for a living person."""
    clip: str
    liveness: Liveness | None
    faces: int
    """Pictures with a face."""
    unreadable: int
    views: list[View] = []
    """For looking into it."""

    @property
    def verdict(self) -> Verdict | None:
        return self.liveness.verdict if self.liveness else None


class Evaluation(Struct, frozen=True):
    """Rates of all entries, 0 to 1, with 95 % intervals (Wilson).

    `not_found` counts entries without any face, `unreadable` pictures and ends of videos that cannot be decoded.
    """

    apcer: dict[str, float]
    apcer_interval: dict[str, tuple[float, float]]
    bpcer: float
    bpcer_interval: tuple[float, float]
    unsure_live: float
    unsure_live_interval: tuple[float, float]
    unsure_attack: dict[str, float]
    not_found: int
    unreadable: int
    n_live: int
    n_attack: dict[str, int]
    liveness: str
    pack: str


def evaluate(
    live: Path, attack: Path, vision: Vision, rules: LivenessRules, fps: float, progress: Progress
) -> tuple[Evaluation, list[Judged]]:
    """Judge `live/ENTRY` and `attack/SPECIES/ENTRY`; EdgeError when there are none."""
    entries = [("", clip) for clip in clips(live)]
    for species in clips(attack):
        entries += [(species.name, clip) for clip in clips(species)]
    judged = []
    with Decoder() as decoder:
        for number, (species_name, clip) in enumerate(entries):
            progress(number, len(entries))
            judged.append(judge(species_name, clip, decoder, vision, rules, fps))
    progress(len(entries), len(entries))
    return summed(judged, vision.has_liveness, vision.pack.manifest.id), judged


def judge(species: str, clip: Path, decoder: Decoder, vision: Vision, rules: LivenessRules, fps: float) -> Judged:
    """Show one clip to a gate."""
    gaze = Gaze(vision, DETECT_WIDTH_PX, Zone(), max(rules.votes, rules.refuse_after))
    views: list[View] = []
    seen = unreadable = 0
    for picture, at in frames(clip, fps, decoder):
        if picture is None:
            unreadable += 1
            continue
        faces, _ = gaze.search(picture, at)
        seen += bool(faces)
        nearest = max(faces, key=eye_distance, default=None)
        for track in gaze.wanted(picture, at):
            if track.face is nearest and gaze.quality(picture, track):
                views.append((track.id, at, gaze.cues(picture, track)))
                gaze.tracker.viewed(track)
    return Judged(species, clip.name, ended(views, rules), seen, unreadable, views)


def ended(views: Iterable[View], rules: LivenessRules) -> Liveness | None:
    """How a clip of these views ends at a door that goes by these rules; None without any."""
    watches: dict[int, Watch] = {}
    best: dict[int, Liveness] = {}
    for track, at, cues in views:
        watch = watches.setdefault(track, Watch())
        watch.see(cues, at)
        best[track] = _first(watch.found(rules), best.get(track))
    return min(best.values(), key=lambda found: ORDER.index(found.verdict), default=None)


def _first(now: Liveness, before: Liveness | None) -> Liveness:
    """A track that was live has opened the door."""
    return before if before and before.verdict is Verdict.LIVE else now


def summed(judged: list[Judged], available: bool, pack: str) -> Evaluation:
    """The rates; every entry is in a denominator."""
    live, attacks = _sorted(judged)
    called = sum(each.verdict is Verdict.ATTACK for each in live)
    unsure = sum(each.verdict not in (Verdict.ATTACK, Verdict.LIVE) for each in live)
    taken = {name: sum(each.verdict is Verdict.LIVE for each in group) for name, group in attacks.items()}
    stepped = {name: sum(_stepped_up(each) for each in group) for name, group in attacks.items()}
    return Evaluation(
        apcer={name: taken[name] / len(group) for name, group in attacks.items()},
        apcer_interval={name: wilson(taken[name] / len(group), len(group)) for name, group in attacks.items()},
        bpcer=called / len(live),
        bpcer_interval=wilson(called / len(live), len(live)),
        unsure_live=unsure / len(live),
        unsure_live_interval=wilson(unsure / len(live), len(live)),
        unsure_attack={name: stepped[name] / len(group) for name, group in attacks.items()},
        not_found=sum(not each.faces for each in judged),
        unreadable=sum(each.unreadable for each in judged),
        n_live=len(live),
        n_attack={name: len(group) for name, group in attacks.items()},
        liveness="available" if available else "unavailable",
        pack=pack,
    )


def det(judged: list[Judged], rules: LivenessRules) -> dict[str, list[Point]]:
    """The DET curve of each species: APCER against the share of living people who are not taken for live.

    Both thresholds of a living face's appearance are moved by the same; everything else stays as the rules have it.
    """
    live, attacks = _sorted(judged)
    curves: dict[str, list[Point]] = {name: [] for name in attacks}
    for at in np.linspace(0, 1.001, CURVE).tolist():
        moved = structs.replace(rules, live_moving=at, live_at_least=at + rules.live_at_least - rules.live_moving)
        stopped = 1 - _passed(live, moved)
        for name, group in attacks.items():
            curves[name].append(Point(at, stopped, _passed(group, moved)))
    return curves


def draw(path: Path, judged: list[Judged], rules: LivenessRules) -> None:
    """These curves as a PNG file, with where the rules are on them."""
    live, attacks = _sorted(judged)
    stopped = 1 - _passed(live, rules)
    across = plots.Axis("BPCER + unsure", len(live))
    down = plots.Axis("APCER", max(len(group) for group in attacks.values()))
    plots.curves(path, det(judged, rules), across, down, (stopped, wilson(stopped, len(live))))


def _passed(group: list[Judged], rules: LivenessRules) -> float:
    """The share that is live."""
    found = [ended(each.views, rules) for each in group]
    return sum(each is not None and each.verdict is Verdict.LIVE for each in found) / len(group)


def _sorted(judged: list[Judged]) -> tuple[list[Judged], dict[str, list[Judged]]]:
    """Living people, and attacks by their species."""
    species = sorted({each.species for each in judged if each.species})
    live = [each for each in judged if not each.species]
    return live, {name: [each for each in judged if each.species == name] for name in species}


def _stepped_up(each: Judged) -> bool:
    return each.verdict in (Verdict.UNSURE, Verdict.UNAVAILABLE)
