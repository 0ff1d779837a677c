"""The trace that the core is measured with is what it is said to be."""

from bench.core import record, rules
from edge.facts import Fact
from edge.gate import Gate
from edge.terms import DoorMode


def test_the_trace_has_every_kind_of_fact_and_every_mode_and_half_of_it_are_views_with_a_candidate() -> None:
    trace = record(64)
    assert trace.kinds.keys() == {kind.__name__ for kind in Fact.__subclasses__()}
    assert set(trace.modes) == set(DoorMode)
    assert trace.with_candidate >= 0.5
    assert trace.kinds["Heartbeat"] < 0.01 * len(trace.facts)
    assert trace.kinds["Wake"] < 0.1 * len(trace.facts)  # those that the gate asked for


def test_played_again_it_has_the_same_effects() -> None:
    facts = record(16).facts
    first, second = Gate(rules()), Gate(rules())
    assert [first.step(*each) for each in facts] == [second.step(*each) for each in facts]
