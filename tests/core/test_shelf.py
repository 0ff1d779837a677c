"""The growing buffer of templates against a plain dictionary: whatever happens, a search finds who is there."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from edge.matcher import Vector
from edge.shelf import LEAST_ROWS, Shelf

D = 16


def faces(seed: int, count: int = 3) -> Vector:
    rows = np.random.default_rng(seed).normal(size=(count, D))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=200))
def test_a_search_finds_who_is_there_and_nobody_else(steps: list[tuple[int, int]]) -> None:
    shelf, there = Shelf(D), dict[str, Vector]()
    for person, what in steps:
        name = f"p{person}"
        if what < 10:
            shelf.remove(name)
            there.pop(name, None)
        else:
            there[name] = faces(100 * person + what, 1 + what)
            shelf.put(name, there[name])
    gallery = shelf.gallery(7)
    assert len(gallery) == sum(map(len, there.values())) and len(shelf) == len(there)
    for name, rows in there.items():
        found = gallery.search(rows[-1], 0.99)
        assert found and found.person == name and found.revision == 7
    for person in range(31):
        if f"p{person}" not in there:
            assert gallery.search(faces(100 * person + 10, 11)[0], 0.99) is None


def test_a_gallery_in_use_is_not_changed_by_what_comes_after_it() -> None:
    shelf = Shelf(D)
    shelf.put("ann", faces(1))
    before = shelf.gallery(1)
    for number in range(LEAST_ROWS):
        shelf.put(f"p{number}", faces(number + 2))
    found = before.search(faces(1)[0], 0.99)
    assert found and found.person == "ann" and before.search(faces(3)[0], 0.99) is None


def test_a_gallery_has_who_is_there_and_can_be_had_without_the_holes_of_the_others() -> None:
    shelf = Shelf(D)
    for number, person in enumerate(("ann", "bob", "cem", "bob")):
        shelf.put(person, faces(number))
    shelf.remove("ann")
    gallery = shelf.gallery(7)
    assert [person in gallery for person in ("ann", "bob", "cem", "dan")] == [False, True, True, False]
    compact = gallery.compact()
    assert (compact.people, compact.owner.tolist(), compact.revision) == (("cem", "bob"), [0, 0, 0, 1, 1, 1], 7)
    assert np.array_equal(compact.matrix, np.concatenate([faces(2), faces(3)]))


def test_how_alike_people_are_is_measured_again_when_others_have_taken_their_places() -> None:
    shelf, alike = Shelf(D), np.eye(D)[0]
    for number in range(40):
        shelf.put(f"p{number}", faces(number, 1))
    before = shelf.likeness(0.01)
    for number in range(40):
        shelf.remove(f"p{number}")
        looks = alike + 0.3 * faces(number + 40, 1)
        shelf.put(f"q{number}", np.asarray(looks / np.linalg.norm(looks), np.float32))
        now = shelf.likeness(0.01)
    right = shelf.gallery(1).likeness(0.01)
    assert before and now and right and right.score > before.score + 0.3
    assert abs(now.score - right.score) < 0.05


def test_few_who_come_and_go_are_not_measured_for() -> None:
    shelf = Shelf(D)
    for number in range(40):
        shelf.put(f"p{number}", faces(number, 1))
    before = shelf.likeness(0.01)
    shelf.put("p0", faces(0, 1))
    assert shelf.likeness(0.01) is before


def test_the_rows_of_who_was_removed_are_overwritten() -> None:
    shelf = Shelf(D)
    shelf.put("ann", faces(1))
    before = shelf.gallery(1)
    shelf.remove("ann")
    assert before.search(faces(1)[0], 0.5) is None, "also for who searches the list before"
