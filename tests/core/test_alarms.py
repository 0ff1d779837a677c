"""The life of an alarm: every state with everything that can happen, then stories."""

from collections.abc import Callable

import pytest

from monitor.alarms import Alarms
from monitor.handling import Incomplete, Refused
from monitor.limits import Rules
from monitor.terms import (
    AWAITED,
    Action,
    Alarm,
    Check,
    Cleared,
    Key,
    Probed,
    Raised,
    Restarted,
    Stage,
    State,
    Step,
    nobodys,
)

RULES = Rules(check_hold_s=30.0, flood_alarms=1000)
KEY = Key("hq", "gate-1", "main", "Tamper")
CAMERA = Key("hq", "gate-1", "front", "CameraFault")
TAMPERED = Raised(KEY, 900, Check.LOOK)
LOST = Raised(CAMERA, 500, Check.FRAMES, "stalled")
AGAIN = Restarted("hq", "gate-1")
FLOWS, STALLS = (Probed("hq", "gate-1", "front", Check.FRAMES, good) for good in (True, False))


def do(
    action: Action, who: str = "li", text: str = "x", seconds: float = 60.0
) -> Callable[[Alarms, float], list[Step]]:
    return lambda alarms, now: [alarms.act(1, action, who, now, text, seconds)]


HAPPENINGS: dict[str, Callable[[Alarms, float], list[Step]]] = {
    "raise": lambda alarms, now: alarms.hear(TAMPERED, now),
    "clear": lambda alarms, now: alarms.hear(Cleared(KEY), now),
    "restart": lambda alarms, now: alarms.hear(AGAIN, now),
    "acknowledge": do(Action.ACKNOWLEDGE),
    "assign": do(Action.ASSIGN),
    "mend": do(Action.MEND),
    "look": do(Action.LOOK, who="wang"),
    "look oneself": do(Action.LOOK),
    "close": do(Action.CLOSE),
    "shelve": do(Action.SHELVE),
    "unshelve": do(Action.UNSHELVE),
    "note": do(Action.NOTE),
}
PATHS = {
    State.ACTIVE: ["raise"],
    State.ACKNOWLEDGED: ["raise", "acknowledge"],
    State.CLEARED: ["raise", "clear"],
    State.AWAITING_CHECK: ["raise", "acknowledge", "clear", "mend"],
    State.CHECKED: ["raise", "acknowledge", "clear", "mend", "look"],
    State.CLOSED: ["raise", "acknowledge", "clear", "mend", "look", "close"],
}
SAME = [State.ACTIVE, State.ACKNOWLEDGED, State.CLEARED, State.AWAITING_CHECK, State.CHECKED, "is closed"]
NEXT: dict[str, list[str]] = {
    "raise": ["-", "-", State.ACTIVE, State.ACTIVE, State.ACTIVE, State.ACTIVE],
    "clear": [State.CLEARED, State.AWAITING_CHECK, "-", "-", "-", "-"],
    "restart": [State.CLEARED, State.AWAITING_CHECK, "-", "-", "-", "-"],
    "acknowledge": [State.ACKNOWLEDGED, "already", State.AWAITING_CHECK, "already", "already", "is closed"],
    "assign": SAME,
    "mend": ["still reports", "still reports", State.CLEARED, State.AWAITING_CHECK, State.AWAITING_CHECK, "is closed"],
    "look": ["nobody has said", "nobody has said", "nobody has said", State.CHECKED, State.CHECKED, "is closed"],
    "look oneself": ["nobody has said", "nobody has said", "nobody has said", "another", "another", "is closed"],
    "close": ["still active", "still active", "nobody has ack", "has not passed", State.CLOSED, "is closed"],
    "shelve": SAME,
    "unshelve": ["not shelved"] * 5 + ["is closed"],
    "note": SAME,
}  # fmt: skip
"""What becomes of an alarm in the order of PATHS: a state, `-` when nothing happens, else why it is refused."""


def brought(path: list[str]) -> Alarms:
    alarms = Alarms(RULES)
    for at, name in enumerate(path):
        HAPPENINGS[name](alarms, float(at))
    return alarms


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("name", HAPPENINGS)
def test_every_state_with_everything_that_can_happen(state: State, name: str) -> None:
    alarms = brought(PATHS[state])
    assert alarms.alarms[1].state is state
    wanted = NEXT[name][list(PATHS).index(state)]
    if wanted not in [*State, "-"]:
        before = dict_of(alarms.alarms[1])
        with pytest.raises(Refused, match=wanted):
            HAPPENINGS[name](alarms, 10.0)
        assert dict_of(alarms.alarms[1]) == before
        return
    steps = HAPPENINGS[name](alarms, 10.0)
    assert alarms.alarms[1].state is (state if wanted == "-" else wanted)
    assert bool(steps) is (wanted != "-") and all(step.at == 10.0 for step in steps)


@pytest.mark.parametrize("action", [Action.ASSIGN, Action.MEND, Action.SHELVE, Action.NOTE])
@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_step_that_is_about_a_text_is_refused_without_one(action: Action, text: str) -> None:
    alarms = brought(PATHS[State.CLEARED])
    before = dict_of(alarms.alarms[1])
    with pytest.raises(Incomplete):
        do(action, text=text)(alarms, 10.0)
    assert dict_of(alarms.alarms[1]) == before
    [step] = do(action, text=" x\n")(alarms, 10.0)
    assert step.text == "x"


def dict_of(alarm: Alarm) -> dict[str, object]:
    return {name: getattr(alarm, name) for name in alarm.__struct_fields__}


# A fault of a device ---------------------------------------------------------------------------------------------


def test_a_camera_closes_only_when_frames_have_flowed_for_a_while() -> None:
    alarms = Alarms(RULES)
    alarms.hear(LOST, 0.0)
    alarms.hear(FLOWS, 1.0)
    alarms.act(1, Action.ACKNOWLEDGE, "li", 2.0)
    alarms.hear(Cleared(CAMERA), 10.0)
    for now in (11.0, 39.9):
        with pytest.raises(Refused, match="deliver frames"):
            alarms.act(1, Action.CLOSE, "li", now)
        alarms.hear(FLOWS, now)
    alarms.hear(STALLS, 40.0)
    alarms.hear(FLOWS, 41.0)
    assert alarms.tick(70.9) == []
    assert [(step.stage, step.who) for step in alarms.tick(71.0)] == [(Stage.CHECKED, "")]
    assert alarms.act(1, Action.CLOSE, "li", 72.0).stage is Stage.CLOSED


def test_what_is_seen_just_before_the_report_is_over_counts_from_then_on() -> None:
    alarms = Alarms(RULES)
    alarms.hear(LOST, 0.0)
    alarms.hear(FLOWS, 9.9)
    alarms.hear(Cleared(CAMERA), 10.0)
    assert alarms.tick(39.9) == []
    assert [step.stage for step in alarms.tick(40.0)] == [Stage.CHECKED]


@pytest.mark.parametrize("action", [Action.MEND, Action.LOOK])
def test_nobody_mends_or_looks_where_the_machine_checks(action: Action) -> None:
    alarms = Alarms(RULES)
    alarms.hear(LOST, 0.0)
    alarms.hear(Cleared(CAMERA), 1.0)
    with pytest.raises(Refused, match="by itself"):
        alarms.act(1, action, "wang", 3.0, "oiled")


def test_a_single_report_is_over_when_somebody_has_mended_it_also_where_the_machine_checks() -> None:
    alarms = Alarms(RULES)
    alarms.hear(LOST._replace(latched=True), 0.0)
    alarms.act(1, Action.MEND, "li", 1.0, "oiled")
    alarms.hear(FLOWS, 2.0)
    assert [step.stage for step in alarms.tick(32.0)] == [Stage.CHECKED]


def test_nobody_who_has_mended_it_looks_whoever_has_mended_it_after_them() -> None:
    alarms = Alarms(RULES)
    alarms.hear(TAMPERED, 0.0)
    alarms.hear(Cleared(KEY), 1.0)
    for who in ("li", "wang"):
        alarms.act(1, Action.MEND, who, 2.0, "oiled")
    for who in ("li", "wang"):
        with pytest.raises(Refused, match="another person"):
            alarms.act(1, Action.LOOK, who, 3.0)
    kept = nobodys(alarms.alarms[1])
    assert (kept.mended_by, kept.mended_before) == ("", [])
    alarms.hear(TAMPERED, 4.0)  # it begins anew, and so does who may look
    alarms.hear(Cleared(KEY), 5.0)
    alarms.act(1, Action.MEND, "wang", 6.0, "oiled")
    assert alarms.act(1, Action.LOOK, "li", 7.0).stage is Stage.CHECKED


def test_a_contact_must_be_seen_open_and_then_closed_after_the_fault() -> None:
    alarms = Alarms(RULES)
    door = Key("hq", "gate-1", "main", "DoorFault")
    opened, shut = (Probed("hq", "gate-1", "main", Check.CONTACT, good) for good in (False, True))
    alarms.hear(Raised(door, 700, Check.CONTACT), 0.0)
    alarms.hear(opened, 1.0)
    alarms.hear(Cleared(door), 2.0)
    assert alarms.hear(shut, 3.0) == []
    assert alarms.hear(opened, 4.0) == []
    assert [step.stage for step in alarms.hear(shut, 5.0)] == [Stage.CHECKED]


@pytest.mark.parametrize("is_over", [True, False])
def test_another_fault_of_the_same_door_is_checked_as_that_one(is_over: bool) -> None:
    alarms = Alarms(RULES)
    door = Key("hq", "gate-1", "main", "DoorFault")
    opened, shut = (Probed("hq", "gate-1", "main", Check.CONTACT, good) for good in (False, True))
    alarms.hear(Raised(door, 700, Check.CONTACT, "inputs"), 0.0)
    if is_over:
        alarms.hear(Cleared(door), 1.0)
    alarms.hear(Raised(door, 700, Check.RELAY, "relay"), 2.0)
    assert (alarms.alarms[1].check, alarms.alarms[1].detail) == (Check.RELAY, "relay")
    alarms.hear(Cleared(door), 3.0)
    assert [*alarms.hear(opened, 4.0), *alarms.hear(shut, 5.0)] == []
    assert [step.stage for step in alarms.hear(Probed("hq", "gate-1", "main", Check.RELAY, True), 6.0)] == [
        Stage.CHECKED
    ]


def test_a_gate_that_begins_anew_ends_what_it_said_before_and_nothing_else() -> None:
    alarms = Alarms(RULES)
    single = Raised(Key("hq", "gate-1", "outbox", "EventsLost"), 900, Check.LOOK, latched=True)
    waiting = Raised(Key("hq", "gate-1", "", AWAITED), 700, Check.ROUND_TRIP)
    elsewhere = [Raised(Key(*place, "front", "CameraFault"), 500, Check.FRAMES) for place in
                 (("hq", "gate-2"), ("annex", "gate-1"))]  # fmt: skip
    leaf = Raised(Key("hq", "gate-1", "door/main", "DoorForcedOpen"), 900, Check.LOOK)
    for number, fact in enumerate([LOST, TAMPERED, single, waiting, *elsewhere, leaf]):
        alarms.hear(fact, float(number))
    assert [(step.number, step.stage) for step in alarms.hear(AGAIN, 10.0)] == [(1, Stage.CLEARED), (2, Stage.CLEARED)]
    assert [alarm.active for alarm in alarms.alarms.values()] == [False, False, *[True] * 5]
    assert alarms.hear(LOST, 20.0)[0].stage is Stage.REALARMED  # what lasts is said again
    alarms.hear(AGAIN, 30.0)
    alarms.act(1, Action.ACKNOWLEDGE, "li", 31.0)
    with pytest.raises(Refused, match="has not passed"):
        alarms.act(1, Action.CLOSE, "li", 32.0)
    alarms.hear(FLOWS, 33.0)
    alarms.tick(64.0)
    assert alarms.act(1, Action.CLOSE, "li", 65.0).stage is Stage.CLOSED


def test_what_is_seen_elsewhere_is_no_check() -> None:
    alarms = Alarms(Rules(check_hold_s=0.0))
    alarms.hear(LOST, 0.0)
    alarms.hear(Cleared(CAMERA), 1.0)
    for other in (("hq", "gate-2", "front"), ("hq", "gate-1", "back"), ("x", "gate-1", "front")):
        assert alarms.hear(Probed(*other, Check.FRAMES, True), 2.0) == []
    assert alarms.hear(FLOWS, 3.0) != []


# Stories ---------------------------------------------------------------------------------------------------------


def test_a_single_report_stays_active_until_somebody_says_that_it_is_mended() -> None:
    alarms = Alarms(RULES)
    lost = Raised(Key("hq", "gate-1", "outbox", "EventsLost"), 900, Check.LOOK, latched=True)
    alarms.hear(lost, 0.0)
    assert alarms.hear(Cleared(lost.key), 1.0) == [] and alarms.alarms[1].active
    alarms.act(1, Action.ACKNOWLEDGE, "li", 2.0)
    assert [step.stage for step in alarms.hear(lost, 3.0)] == [Stage.REALARMED]
    assert alarms.alarms[1].state is State.ACTIVE and alarms.alarms[1].occurrences == 2
    alarms.act(1, Action.MEND, "li", 4.0, "oiled")
    assert alarms.alarms[1].state is State.CLEARED


@pytest.mark.parametrize(("after", "same"), [(RULES.reopen_within_s, True), (RULES.reopen_within_s + 1, False)])
def test_a_fault_that_returns_soon_reopens_its_alarm_and_later_is_a_new_one(after: float, same: bool) -> None:
    alarms = brought(PATHS[State.CLOSED])
    alarms.alarms[1].assigned_to = "zhao"
    [step] = alarms.hear(TAMPERED, 5.0 + after)
    assert (step.number, step.stage) == ((1, Stage.REOPENED) if same else (2, Stage.RAISED))
    alarm = alarms.alarms[step.number]
    assert (alarm.state, alarm.reopened, alarm.mended_by, alarm.closed_by) == (State.ACTIVE, int(same), "", "")


def test_a_shelf_has_a_reason_and_an_end() -> None:
    alarms = brought(PATHS[State.ACTIVE])
    with pytest.raises(Refused, match="why"):
        alarms.act(1, Action.SHELVE, "li", 1.0, " ", 60.0)
    for seconds in (0.0, RULES.shelve_at_most_s + 1):
        with pytest.raises(Refused, match="at most 8 hours"):
            alarms.act(1, Action.SHELVE, "li", 1.0, "painting", seconds)
    alarms.act(1, Action.SHELVE, "li", 1.0, "painting", 600.0)
    assert alarms.tick(600.9) == []
    steps = alarms.tick(601.0)
    assert [step.stage for step in steps] == [Stage.UNSHELVED, Stage.ESCALATED]


def test_what_nobody_acknowledges_or_closes_escalates_level_by_level() -> None:
    alarms = brought(PATHS[State.ACTIVE])
    limits = RULES.acknowledge_within_s["urgent"]  # type: ignore[index]
    assert alarms.tick(limits - 0.1) == []
    told = [step for at in range(1, 9) for step in alarms.tick(at * limits)]
    assert [(step.stage, step.text) for step in told] == [(Stage.ESCALATED, str(level)) for level in (1, 2, 3, 4)]
    alarms.act(1, Action.ACKNOWLEDGE, "li", 9 * limits)
    assert alarms.tick(10 * limits) == []
    assert [step.text for step in alarms.tick(RULES.close_within_s.urgent_s)] == ["1"]
