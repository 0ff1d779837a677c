"""Presentation-attack detection measured: how many attacks are taken for live, how many living people are not.

ISO/IEC 30107-3: APCER for each attack species, BPCER. A clip is shown to what a gate's eye looks through and to the
verdict that its gate asks for, with the times that its frames carry, and ends as it would have there: a face that is
live at any moment opens the door, and one that is called an attack is one to the end. Of several faces the nearest
counts; whom it shows is not asked. An attack without a face counts as refused, a living person without one as unsure.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from edge.clips import clips, frames
from edge.faces import Vision
from edge.gaze import Gaze
from edge.liveness import LivenessRules, Watch
from edge.photos import Decoder
from edge.presence import Cues, Liveness, Verdict
from edge.rates import wilson
from edge.track import Zone, eye_distance

DETECT_WIDTH_PX = 640
ORDER = (Verdict.LIVE, Verdict.ATTACK, Verdict.UNSURE, Verdict.UNAVAILABLE)
"""Of several tracks of a clip the first of these decides."""

Progress = Callable[[int, int], None]


class Judged(Struct, frozen=True):
    """A clip and what came of it; `liveness` is None when no face good enough was found."""

    species: str
    """Empty for a living person."""
    clip: str
    liveness: Liveness | None
    faces: int
    """Pictures with a face."""
    unreadable: int
    views: list[tuple[int, float, Cues]] = []
    """Track, seconds and cues of each view, for looking into it."""

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
    watches: dict[int, Watch] = {}
    best: dict[int, Liveness] = {}
    views: list[tuple[int, float, Cues]] = []
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
                watch = watches.setdefault(track.id, Watch())
                views.append((track.id, at, gaze.cues(picture, track)))
                watch.see(views[-1][2], at)
                gaze.tracker.viewed(track)
                best[track.id] = _first(watch.found(rules), best.get(track.id))
    decided = min(best.values(), key=lambda found: ORDER.index(found.verdict), default=None)
    return Judged(species, clip.name, decided, seen, unreadable, views)


def _first(now: Liveness, before: Liveness | None) -> Liveness:
    """A track that was live has opened the door."""
    return before if before and before.verdict is Verdict.LIVE else now


def summed(judged: list[Judged], available: bool, pack: str) -> Evaluation:
    """The rates; every entry is in a denominator."""
    live = [each for each in judged if not each.species]
    attacks = {name: [each for each in judged if each.species == name] for name in _species(judged)}
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


def _species(judged: list[Judged]) -> list[str]:
    return sorted({each.species for each in judged if each.species})


def _stepped_up(each: Judged) -> bool:
    return each.verdict in (Verdict.UNSURE, Verdict.UNAVAILABLE)
