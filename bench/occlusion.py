"""How many faces the quality gate calls covered: photographs as they are, and with masks, glasses and hands drawn in.

    python -m bench.occlusion LFW.zip --pack zoo

Every person's second picture. What is drawn is right in place and of plausible colour, no more: the share found of it
is no promise. The share of photographs as they are that is called covered is what the rule costs.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import models, still
from edge.collection import Collection
from edge.faces import UPRIGHT, Face, Vision, similarity
from edge.picture import Bgr
from edge.quality import QualityGate, Shortcoming

Image = NDArray[Any]
COVERED = (Shortcoming.EYES_COVERED, Shortcoming.MOUTH_COVERED)
AREAS: dict[str, list[list[tuple[int, int]]]] = {
    "mask": [[(12, 44), (40, 38), (68, 44), (66, 66), (56, 80), (40, 86), (24, 80), (14, 66)]],
    "hand": [[(20, 54), (62, 52), (66, 76), (40, 84), (16, 76)]],
    "scarf": [[(8, 50), (40, 48), (72, 50), (74, 90), (6, 90)]],
    "glasses": [[(11, 28), (16, 20), (24, 18), (32, 20), (37, 28), (32, 36), (24, 38), (16, 36)],
                [(43, 28), (48, 20), (56, 18), (64, 20), (69, 28), (64, 36), (56, 38), (48, 36)]],
}  # fmt: skip
"""Outlines on the upright face, as `edge.faces.UPRIGHT` has it."""
TONES: dict[str, list[tuple[int, int, int]]] = {
    "mask": [(220, 200, 170), (235, 235, 235), (40, 40, 40)],
    "hand": [(110, 140, 190), (60, 80, 120)],
    "scarf": [(60, 60, 150), (120, 80, 50), (160, 160, 160)],
    "glasses": [(30, 28, 28)],
}


def drawn(image: Image, face: Face, kind: str, chance: np.random.Generator) -> Image:
    """The picture with something before the face: soft edges, one tone, folds and grain."""
    back = np.linalg.inv(np.vstack([similarity(face.landmarks, UPRIGHT), (0, 0, 1)]))[:2]
    area = np.zeros(image.shape[:2], np.uint8)
    for outline in AREAS[kind]:
        corners = np.column_stack([np.array(outline, float), np.ones(len(outline))]) @ back.T
        cv2.fillPoly(area, [np.rint(corners).astype(np.int32)], 255)
    folds = 0.0 if kind == "glasses" else 8.0
    rough = cv2.GaussianBlur(chance.normal(0, 25, image.shape), (0, 0), 3) / 8 * folds + chance.normal(
        0, 2, image.shape
    )
    share = cv2.GaussianBlur(area.astype(float) / 255, (0, 0), 1)[..., None]
    tone = TONES[kind][int(chance.integers(len(TONES[kind])))]
    covered: Image = np.clip(image * (1 - share) + share * (np.array(tone) + rough), 0, 255).astype(np.uint8)
    return covered


def called(vision: Vision, image: Image) -> Shortcoming | None:
    """What is wrong with the face of a picture; a face that is not found is covered enough."""
    picture = Bgr(image)
    face = still.principal(still.search(vision, picture), picture)
    return QualityGate().shortcoming(vision.quality(picture, face)) if face else Shortcoming.MOUTH_COVERED


def measure(path: Path, vision: Vision, most: int, report: Callable[[str], None]) -> None:
    chance, counts, total = np.random.default_rng(1), dict.fromkeys(["as it is", *AREAS], 0), 0
    with Collection(path) as collection:
        names = [name for name in collection.names if name.endswith("_0002.jpg")]
        for name in names[:: max(1, len(names) // most)]:
            image = collection.image(name)
            face = still.principal(still.search(vision, Bgr(image)), Bgr(image))
            if face is None:
                continue
            total += 1
            counts["as it is"] += called(vision, image) in COVERED
            for kind in AREAS:
                counts[kind] += called(vision, drawn(image, face, kind, chance)) in COVERED
    if not total:
        raise SystemExit(f"{path} has no second pictures of people (NAME_0002.jpg) with a face")
    for kind, count in counts.items():
        report(f"{kind}: {count} of {total} ({100 * count / total:.1f} %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pack", default="zoo")
    parser.add_argument("--models", type=Path, default=models.DIRECTORY)
    parser.add_argument("--people", type=int, default=400)
    options = parser.parse_args()
    measure(options.photos, Vision(models.load(options.pack, options.models)), options.people, print)


if __name__ == "__main__":
    main()
