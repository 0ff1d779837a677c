"""What each cue of liveness does alone and together, from what `edge-gate evaluate liveness --out FILE` wrote.

    python -m bench.cues FILE

A table for docs/presentation-attacks.md. Appearance alone is the mean of the networks over a track at 0.5 and 0.95.
"""

import sys
from pathlib import Path

import msgspec
from msgspec import structs

from edge.liveness import LivenessRules
from edge.presence import Cues
from edge.presentations import Judged, ended, summed

ALONE = LivenessRules(live_at_least=0.95, attack_below=0.3, attack_below_unmoving=0.3)
WAYS: dict[str, tuple[LivenessRules, tuple[str, ...]]] = {
    "appearance at 0.5": (structs.replace(ALONE, live_at_least=0.5), ("appearance",)),
    "appearance at 0.95": (ALONE, ("appearance",)),
    "motion": (LivenessRules(live_at_least=0.0, live_moving=0.0, attack_below=0.0), ("motion",)),
    "border": (LivenessRules(live_at_least=0.0, attack_below=0.0), ("border",)),
    "pattern": (LivenessRules(live_at_least=0.0, attack_below=0.0), ("pattern",)),
    "appearance and border": (LivenessRules(), ("appearance", "border")),
    "appearance and motion": (LivenessRules(), ("appearance", "motion")),
    "all but the pattern": (LivenessRules(), ("appearance", "motion", "border")),
    "all": (LivenessRules(), ("appearance", "motion", "border", "pattern")),
}
"""What is asked of a track, and of what. A cue alone is shown a network that is always sure."""


def seen(cues: Cues, used: tuple[str, ...]) -> Cues:
    """The cues with those that are not used taken away."""
    appearance = cues.appearance if "appearance" in used else (1.0,)
    shift, carried = (cues.shift, cues.carried) if "motion" in used else (None, None)
    border, pattern = cues.border if "border" in used else None, cues.pattern if "pattern" in used else None
    return Cues(appearance, shift, carried, border, pattern=pattern)


def again(judged: Judged, rules: LivenessRules, used: tuple[str, ...]) -> Judged:
    """The same clip, judged by other rules."""
    views = [(track, at, seen(cues, used)) for track, at, cues in judged.views]
    return structs.replace(judged, liveness=ended(views, rules))


def main(path: Path) -> None:
    clips = [msgspec.json.decode(line, type=Judged) for line in path.read_bytes().splitlines()]
    species = sorted({clip.species for clip in clips if clip.species})
    print("| cues | " + " | ".join(species) + " | live: attack | live: unsure |")
    print("| --- |" + " --- |" * (len(species) + 2))
    for name, (rules, used) in WAYS.items():
        found = summed([again(clip, rules, used) for clip in clips], True, "")
        rates = [*(found.apcer[each] for each in species), found.bpcer, found.unsure_live]
        print(f"| {name} | " + " | ".join(f"{100 * rate:.0f} %" for rate in rates) + " |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
