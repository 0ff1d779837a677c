"""A flood: so much is let through, and what was refused is counted without a gap."""

from edge.flood import Bucket, Tally


def test_a_bucket_lets_its_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(3, 2, 10.0)
    assert [bucket.take(10.0) for _ in range(5)] == [True, True, True, False, False]
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]
    assert sum(bucket.take(100.0) for _ in range(9)) == 3, "it never holds more than the burst"


def test_the_first_refusal_is_told_at_once_and_the_others_together() -> None:
    tally, told = Tally(10.0, 0.0), []
    for second in range(25):
        tally.add(f"reason {second}", f"id {second}")
        told.append(tally.due(float(second)))
    assert [each for each in told if each] == [
        (1, "reason 0", "id 0"),
        (10, "reason 10", "id 10"),
        (10, "reason 20", "id 20"),
    ]
    assert tally.due(29.0) is None
    assert tally.due(30.0) == (4, "reason 24", "id 24") and tally.due(99.0) is None


def test_whoever_waits_for_an_answer_is_told_whatever_nonsense_there_is() -> None:
    tally = Tally(10.0, 0.0)
    tally.add("nonsense")
    assert tally.due(0.0) == (1, "nonsense", "")
    tally.add("an old challenge", "id 1")
    tally.add("nonsense")
    assert tally.due(0.1) == (2, "an old challenge", "id 1"), "at once"
    tally.add("no such door", "id 2")
    tally.add("nonsense")
    assert tally.due(10.0) is None, "nor may whoever has a signed command flood"
    assert tally.due(10.1) == (2, "no such door", "id 2")
    tally.add("nonsense")
    assert tally.due(20.0) is None
    assert tally.due(20.1) == (1, "nonsense", ""), "what was told is not told again"
