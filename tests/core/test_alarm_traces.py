"""The life of an alarm, however it goes: random traces."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alarms import Alarms
from monitor.handling import Refused
from monitor.terms import Action, Check, Cleared, Key, Probed, Raised, Restarted, Stage, Step
from tests.core.test_alarms import AGAIN, FLOWS, LOST, RULES, STALLS, TAMPERED

DROPPED = Raised(Key("hq", "gate-1", "outbox", "EventsLost"), 900, Check.LOOK, "", True)
kinds = st.sampled_from([TAMPERED, LOST, DROPPED])
people = st.sampled_from(["li", "wang", "zhao"])
reports = st.one_of(kinds, kinds.map(lambda fact: Cleared(fact.key)), st.sampled_from([FLOWS, STALLS, AGAIN]))
deeds = st.tuples(st.integers(1, 4), st.sampled_from(Action), people)
traces = st.lists(st.tuples(st.one_of(reports, deeds, st.none()), st.sampled_from([0.0, 1.0, 20.0, 31.0, 40_000.0])))


@settings(max_examples=400, deadline=None)
@given(trace=traces)
def test_however_it_goes_an_alarm_is_closed_only_after_its_check(trace: list[tuple[object, float]]) -> None:
    alarms, now = Alarms(RULES), 0.0
    for happening, later in trace:
        now += later
        steps = happen(alarms, happening, now)
        closed = [step for step in steps if step.stage is Stage.CLOSED]
        for step in closed:
            alarm = alarms.alarms[step.number]
            assert alarm.checked is not None and alarm.acknowledged is not None and not alarm.active
            assert alarm.checked >= alarm.raised and (alarm.cleared or now) >= alarm.raised
            if alarm.check is Check.LOOK:
                assert alarm.checked_by and alarm.checked_by not in (alarm.mended_by, *alarm.mended_before)
        keys = [alarm.key for alarm in alarms.alarms.values() if alarm.closed is None]
        assert len(keys) == len(set(keys))


def happen(alarms: Alarms, happening: object, now: float) -> list[Step]:
    if happening is None:
        return alarms.tick(now)
    if isinstance(happening, (Raised, Cleared, Restarted, Probed)):
        return alarms.hear(happening, now)
    number, action, who = happening  # type: ignore[misc]
    try:
        return [alarms.act(number, action, who, now, "text", 60.0)]
    except Refused:
        return []
