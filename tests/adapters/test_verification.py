"""The file of pairs: LFW's form with and without folds, and what is none."""

from pathlib import Path

import numpy as np
import pytest

from edge import verification
from edge.errors import EdgeError
from edge.verification import Pair, read_pairs


def test_folds_are_those_of_the_first_line_when_the_pairs_fit(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    fold = ["A_B\t1\t2", "C\t1\t3", "A_B\t1\tC\t2", "C\t1\tD\t1"]
    file.write_text("\n".join(["3\t2", *fold * 3]))
    pairs, folds = read_pairs(file)
    assert folds is not None and folds.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert pairs[0] == (("A_B", 1), ("A_B", 2), True) and pairs[2] == (("A_B", 1), ("C", 2), False)
    for head in ("500", "10\t300"):
        file.write_text("\n".join([head, *fold]))
        assert read_pairs(file)[1] is None


@pytest.mark.parametrize("digits", ["\u00b2", "1" * 5000, "\u0663"])
def test_what_passes_for_a_number_and_is_none_of_lfws_is_none(tmp_path: Path, digits: str) -> None:
    (tmp_path / "pairs.txt").write_text(f"{digits}\t3\nC\t1\t3\nC\t1\tD\t1\n", "utf-8")
    assert read_pairs(tmp_path / "pairs.txt")[1] is None
    assert verification._key(f"a/Ann_{digits}.jpg") is None and verification._key("a/Ann_0001.jpg") == ("Ann", 1)


def test_two_pictures_of_which_either_may_be_meant_are_refused(tmp_path: Path) -> None:
    names = ["one/Ann_0001.jpg", "one/Bob_0001.jpg", "two/Ann_0002.jpg", "two/Bob_0001.png"]
    places = verification._places(tmp_path, names, {("Ann", 1), ("Ann", 2)})
    assert places == {("Ann", 1): names[0], ("Ann", 2): names[2]}
    with pytest.raises(EdgeError, match=r"two pictures of one name: one/Bob_0001.*two/Bob_0001"):
        verification._places(tmp_path, names, {("Bob", 1)})


@pytest.mark.parametrize("found", [[], ["one"], ["other"]])
def test_a_pair_with_a_face_that_was_not_found_is_wrong_at_every_threshold(found: list[str]) -> None:
    templates = {(name, 1): np.ones(4, np.float32) for name in found}
    for same, score in ((True, -np.inf), (False, np.inf)):
        assert verification._score(Pair(("one", 1), ("other", 1), same), templates) == score


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"A\t1\t2\nB\tx\t2\n", "line 2: not a pair"),
        (b"A\t1\tB\t2\nA\t1\tA\t2\n", "line 2: not a pair"),
        (b"A\t1\t2\nA\t1\t01\n", "line 2: not a pair"),
        (b"A\t1\t2\n", "is not a file of pairs"),
        (b"", "is not a file of pairs"),
        (b"\xff\xfe\x00", "is not a file of pairs"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_file_of_pairs_is_told(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "pairs.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(EdgeError, match=reason):
        read_pairs(file)
