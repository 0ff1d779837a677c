"""What a wanted FPIR really becomes on people whom no calibration has seen.

    python -m bench.honesty EMBEDDINGS.npz zoo

One half of the people, or one country, makes the table; the others are enrolled and searched, as
`edge-gate evaluate identification` does it. `table` is the pack's table alone, `likeness` what the gate uses.
"""

import sys
from pathlib import Path

import numpy as np
from msgspec import structs

from bench.calibration import EMBEDDERS, People, calibrated, load, prior, spread
from edge.identification import Draw, Faces, draw, mistaken
from edge.matcher import Calibration, Strangers

WANTED, DRAWS = 0.01, 20


def tabulated(people: People) -> Calibration:
    """The table of these people; one country alone does not tell how countries differ, so the default stays."""
    found = calibrated(people)
    factor, deviation = spread(people, found)
    found = structs.replace(found, spread=factor)
    if len(np.unique(people.country)) > 1:
        found = structs.replace(found, prior_people=prior(people, deviation))
    return found


def tried(people: People, calibration: Calibration, share: float = 0.5) -> tuple[float, float, float, float, int]:
    """FPIR by the table alone and as the gate has it, its interval, and how many were enrolled."""
    names, person = np.unique(people.identity, return_inverse=True)
    order = np.argsort(person, kind="stable")
    first = np.unique(person[order], return_index=True)[1]
    faces = Faces(person[order], people.vectors[order], np.ones(len(order), bool), first)
    rng, enrolled = np.random.default_rng(0), round(share * len(names))
    drawn: list[Draw] = [draw(faces, rng.permutation(len(names))[:enrolled], calibration, WANTED) for _ in range(DRAWS)]
    alone = Strangers(calibration, enrolled).threshold(WANTED)
    low, high = mistaken(drawn, len(names))
    return (
        float(np.mean([each.search.fpir(alone) for each in drawn])),
        float(np.mean([each.search.fpir(each.threshold) for each in drawn])),
        low, high, enrolled,
    )  # fmt: skip


def main(path: Path, pack: str) -> None:
    people = load(path, EMBEDDERS[pack])
    rng = np.random.default_rng(0)
    half = np.isin(people.identity, rng.permutation(np.unique(people.identity))[::2])
    japan = people.country == "ja"
    for label, seen, unseen in (
        ("other half", half, ~half), ("Korea, table of Japan", japan, ~japan), ("Japan, table of Korea", ~japan, japan)
    ):  # fmt: skip
        table, likeness, low, high, enrolled = tried(people.part(unseen), tabulated(people.part(seen)))
        print(f"{label}: {enrolled} enrolled; table {table:.2%}, likeness {likeness:.2%} ({low:.2%} to {high:.2%})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
