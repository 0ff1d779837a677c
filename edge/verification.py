"""Verification as LFW does it (Huang et al., 2007), on the product's own chain: detect, align, embed, compare.

A pair with a face that was not found counts as wrong, and every picture that could not be used is counted.
"""

from collections.abc import Container, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge import plots, rates, still
from edge.collection import Collection
from edge.errors import EdgeError
from edge.faces import Vision
from edge.matcher import Vector
from edge.still import Advance

FARS = (0.01, 0.001)
FOLDS = 10

Folds = NDArray[np.int64]
Key = tuple[str, int]
"""A person, and which of the pictures of them."""


class Verification(Struct, frozen=True):
    """LFW's figures, with intervals over people.

    `not_found` counts pictures without a usable face, `unreadable` and `missing` are among them.
    """

    pack: str
    pairs: int
    images: int
    not_found: int
    unreadable: int
    missing: int
    accuracy: float
    accuracy_std: float
    accuracy_interval: tuple[float, float]
    tpr_at_far: dict[str, float]
    tpr_at_far_interval: dict[str, tuple[float, float]]


class Pair(NamedTuple):
    first: Key
    second: Key
    same: bool


class Compared(NamedTuple):
    """Every pair's score, wrong by construction where a face is missing."""

    scores: rates.Scores
    same: rates.Flags
    folds: Folds
    people: NDArray[np.int64]
    """(pairs, 2): who the two pictures of each pair are of, as numbers."""


def verify(images: Path, pairs: Path, vision: Vision, advance: Advance) -> tuple[Verification, Compared]:
    """The figures of the pairs in a file of LFW's format, and the scores that they come from."""
    wanted, folds = read_pairs(pairs)
    with Collection(images) as collection:
        keys = sorted({key for pair in wanted for key in (pair.first, pair.second)})
        places = _places(images, collection.names, set(keys))
        known = [places[key] for key in keys if key in places]
        if not known:
            raise EdgeError("{images} holds none of the pictures of {pairs}", images=images, pairs=pairs)
        found = still.templates(collection, known, vision, advance)
    templates = {key: found.found[places[key]] for key in keys if places.get(key) in found.found}
    scores = np.array([_score(pair, templates) for pair in wanted])
    same = np.array([pair.same for pair in wanted])
    compared = Compared(scores, same, folds if folds is not None else rates.folds_of(same, FOLDS), _people(wanted))
    missing = len(keys) - len(known)
    counts = (len(wanted), len(keys), len(keys) - len(templates), found.unreadable + missing, missing)
    return _verified(vision.pack.manifest.id, counts, compared), compared


def draw(directory: Path, compared: Compared) -> None:
    """The DET curve and the two distributions of scores, as PNG files in a directory."""
    genuine, impostors = compared.scores[compared.same], compared.scores[~compared.same]
    across, down = plots.Axis("FMR", len(impostors)), plots.Axis("FNMR", len(genuine))
    plots.det(directory / "verification-det.png", rates.trade_off(genuine, impostors), across, down)
    plots.distributions(directory / "verification-scores.png", impostors, genuine)


def _verified(pack: str, counts: tuple[int, int, int, int, int], compared: Compared) -> Verification:
    scores, same, folds, people = compared
    genuine, impostors = scores[same], scores[~same]
    right = rates.judged(scores, same, folds)
    accuracies = np.array([right[folds == fold].mean() for fold in np.unique(folds)])
    accuracy = float(accuracies.mean())
    accepted = {f"{far:g}": genuine >= rates.threshold_at(impostors, far) for far in FARS}
    tpr = {far: float(found.mean()) for far, found in accepted.items()}
    pairs, images, not_found, unreadable, missing = counts
    return Verification(
        pack=pack,
        pairs=pairs,
        images=images,
        not_found=not_found,
        unreadable=unreadable,
        missing=missing,
        accuracy=accuracy,
        accuracy_std=float(accuracies.std(ddof=1)) if len(accuracies) > 1 else 0.0,
        accuracy_interval=rates.clustered(accuracy, rates.without_each(right, people)),
        tpr_at_far=tpr,
        tpr_at_far_interval={
            far: rates.clustered(tpr[far], rates.without_each(found, people[same])) for far, found in accepted.items()
        },
    )


def read_pairs(path: Path) -> tuple[list[Pair], Folds | None]:
    """The pairs of a file of LFW's format, and the fold of each when its first line tells folds."""
    try:
        lines = [
            line.split("\t") if "\t" in line else line.split() for line in path.read_text("utf-8-sig").splitlines()
        ]
    except OSError as error:
        raise EdgeError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    except UnicodeDecodeError as error:
        raise EdgeError("{path} is not a file of pairs as LFW's pairs.txt", path=path) from error
    head = lines[0] if lines and len(lines[0]) <= 2 else []
    pairs = [_pair(path, number, fields) for number, fields in enumerate(lines, 1) if fields and fields is not head]
    kinds = {pair.same for pair in pairs}
    if kinds != {True, False}:
        hint = "it must name pairs of one person (3 fields) and of two people (4 fields)"
        raise EdgeError("{path} is not a file of pairs as LFW's pairs.txt", hint, path=path)
    return pairs, _folds(head, len(pairs))


def _pair(path: Path, number: int, fields: list[str]) -> Pair:
    try:
        match [field.strip() for field in fields]:
            case [person, one, other] if int(one) != int(other):
                return Pair((person, int(one)), (person, int(other)), True)
            case [person, one, stranger, other] if stranger != person:
                return Pair((person, int(one)), (stranger, int(other)), False)
    except ValueError:
        pass
    hint = "a line is NAME NUMBER NUMBER, or NAME NUMBER NAME NUMBER, of two pictures of one person or of two people"
    raise EdgeError("{path}, line {line}: not a pair", hint, path=path, line=number)


def _folds(head: list[str], pairs: int) -> Folds | None:
    """LFW numbers its folds by the order of the lines; a file without that order has none."""
    match [_whole(field.strip()) for field in head]:
        case [int(count), int(each)] if count > 1 and count * each * 2 == pairs:
            return np.repeat(np.arange(count), 2 * each)
    return None


def _whole(text: str) -> int | None:
    """A number as LFW writes them; Python takes other digits for some, and reads no number of thousands of them."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _places(images: Path, names: Iterable[str], wanted: Container[Key]) -> dict[Key, str]:
    """Where each of these pictures is; EdgeError for two of one person and number, of which either may be meant."""
    found: dict[Key, str] = {}
    for name in names:
        if (key := _key(name)) and key in wanted and (other := found.setdefault(key, name)) != name:
            hint = "name a directory or zip file that has each picture once"
            raise EdgeError("{path} has two pictures of one name: {one} and {other}", hint, path=images, one=other,
                            other=name)  # fmt: skip
    return found


def _key(name: str) -> Key | None:
    """Person and number of a picture, as LFW names them: NAME_0001.jpg."""
    person, _, digits = PurePosixPath(name).stem.rpartition("_")
    number = _whole(digits)
    return (person, number) if person and number is not None else None


def _people(pairs: list[Pair]) -> NDArray[np.int64]:
    names = [(pair.first[0], pair.second[0]) for pair in pairs]
    return np.unique(names, return_inverse=True)[1].reshape(-1, 2)


def _score(pair: Pair, templates: dict[Key, Vector]) -> float:
    if pair.first in templates and pair.second in templates:
        return float(templates[pair.first] @ templates[pair.second])
    return -np.inf if pair.same else np.inf
