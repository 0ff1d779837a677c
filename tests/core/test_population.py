"""What a list says of itself, on people whose likeness is known."""

import numpy as np
import pytest

from edge.matcher import LOOKED_AT, Calibration, Gallery
from edge.population import FAR, MOST_TEMPLATES, least_people, own_table, pairs, report
from edge.rates import wilson
from edge.shelf import Shelf

TABLE = Calibration("test", 1000, (0.0, 0.2, 0.4, 0.6, 0.8), (0.5, 1e-1, 1e-2, 1e-3, 1e-4), 1e-3)


def people(count: int = 60, each: int = 2, seed: int = 1) -> tuple[np.ndarray, tuple[str, ...]]:
    """Random people with templates that are nearly alike."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((count, 32)), each, axis=0) + 0.3 * rng.standard_normal((count * each, 32))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return rows, tuple(f"p{index // each:02}" for index in range(count * each))


def test_pairs_are_counted_once_and_told_apart() -> None:
    rows, owners = people()
    found = pairs(Gallery(rows, owners, 1))
    assert (len(found.genuine), len(found.impostor)) == (60, 120 * 119 // 2 - 60)
    assert found.genuine.min() > 0.7 > found.impostor.max()


def test_twins_and_people_unlike_themselves_are_named() -> None:
    rows, owners = people()
    rows[2] = rows[0]  # p01 has a template of p00
    rows[11] = rows[118]  # and p05 one of p59
    told, _ = report(Gallery(rows, owners, 7), TABLE, "pack", "zoo-1", 0.01)
    assert {pair.people for pair in told.alike} == {("p00", "p01"), ("p05", "p59")}
    assert told.alike[0].score == pytest.approx(1.0)
    assert told.unlike_themselves == ["p01", "p05"]
    assert (told.people, told.templates, told.revision, told.fnmr) == (60, 120, 7, pytest.approx(2 / 60))
    low, high = told.threshold_interval
    assert low < told.threshold < high


def test_people_who_were_removed_count_for_nothing() -> None:
    rows, owners = people()
    shelf = Shelf(32)
    for place in range(0, 120, 2):
        shelf.put(owners[place], rows[place : place + 2])
    for person in owners[:20]:
        shelf.remove(person)
    told, found = report(shelf.gallery(1), TABLE, "pack", "zoo-1", 0.01)
    right, wanted = report(Gallery(rows[20:], owners[20:], 1), TABLE, "pack", "zoo-1", 0.01)
    assert told == right and (told.people, told.templates) == (50, 100)
    assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_a_larger_list_knows_its_threshold_better() -> None:
    widths = []
    for count in (30, 300):
        told, _ = report(Gallery(*people(count), 1), TABLE, "pack", "zoo-1", 0.01)
        widths.append(told.threshold_interval.high - told.threshold_interval.low)
    assert widths[1] < widths[0] / 2


def test_of_a_long_list_the_interval_is_that_of_those_who_were_looked_at() -> None:
    lists = [Gallery(*people(count, each=1), 1) for count in (LOOKED_AT, 5 * LOOKED_AT)]
    told = [report(each, TABLE, "pack", "zoo-1", 0.04)[0] for each in lists]
    some, many = [each.threshold_interval.high - each.threshold_interval.low for each in told]
    assert many > 0.7 * some
    assert told[1].fmr_interval == wilson(told[1].fmr, MOST_TEMPLATES)


def test_one_template_a_person_tells_nothing_of_false_non_matches() -> None:
    told, found = report(Gallery(*people(each=1), 1), TABLE, "pack", "zoo-1", 0.01)
    assert (told.fnmr, told.genuine, len(found.genuine)) == (None, None, 0)


def test_of_a_long_list_everybody_is_compared_with_themselves() -> None:
    rows, owners = people(1200)
    rows[1501] = -rows[1500]
    told, found = report(Gallery(rows, owners, 1), TABLE, "pack", "zoo-1", 0.01)
    assert owners[1501] in told.unlike_themselves
    assert len(found.genuine) == 1200 and found.genuine.min() == pytest.approx(-1.0)


def test_an_own_table_is_measured_as_far_as_pairs_reach_and_then_as_steep_as_the_other() -> None:
    rows, owners = people(80)
    found = pairs(Gallery(rows, owners, 1))  # 12,640 pairs: one in a thousand is not measured
    table = own_table(found, TABLE, "these", 80)
    weight = 80 / (80 + TABLE.prior_people)
    assert (table.population, table.people, table.measured_down_to) == ("these", 80, 1e-2)
    measured = float(np.quantile(found.impostor, 0.9))
    assert table.score_at(1e-1) == pytest.approx(0.2 + weight * (measured - 0.2))
    assert np.diff(table.scores)[-2:] == pytest.approx([0.2, 0.2])
    assert all(low < rate < high for low, rate, high in zip(table.fmr_low, table.fmr, table.fmr_high, strict=True))


def test_an_own_table_of_people_who_are_unlike_each_other_stays_above_the_floor_of_the_pack() -> None:
    gallery = Gallery(np.eye(70, dtype=np.float32), tuple(f"p{index}" for index in range(70)), 1)
    table = own_table(pairs(gallery), TABLE, "these", 70)
    assert table.score_at(0.01) < TABLE.score_at(0.01)
    again = own_table(pairs(gallery), table, "these again", 70)
    for each in (table, again):
        assert gallery.strangers(each, 0.01).threshold(0.01) == pytest.approx(TABLE.score_at(0.01))


def test_so_many_are_needed_that_a_table_is_measured_far_enough() -> None:
    least = least_people(TABLE)
    rows, owners = people(least, each=1)
    assert own_table(pairs(Gallery(rows, owners, 1)), TABLE, "these", least).measured_down_to == FAR
    assert own_table(pairs(Gallery(rows[1:], owners[1:], 1)), TABLE, "these", least - 1).measured_down_to > FAR


def test_several_templates_of_a_person_measure_no_further() -> None:
    rows, owners = people(20, each=5)
    assert own_table(pairs(Gallery(rows, owners, 1)), TABLE, "these", 20).measured_down_to == 0.5
