"""The steps of one alarm for which no other counts: its fault is over, and what people may do with it. Pure."""

from edge.errors import EdgeError
from monitor.terms import MACHINE, Alarm, Check, Stage, Step


class Refused(EdgeError):
    """A step that the alarm does not allow as it is; nothing has changed."""


class Incomplete(Refused):
    """What the step is about does not come with it."""


def closed(number: int) -> Refused:
    """Why nothing is done with an alarm any more."""
    return Refused("alarm {number} is closed", number=number)


def clear(alarm: Alarm, now: float) -> Step:
    """Its fault is over."""
    way = MACHINE.get(alarm.check)
    seen = way is not None and way.hold and alarm.good_since is not None  # a state may overtake its event
    alarm.active, alarm.cleared, alarm.good_since = False, now, now if seen else None
    return Step(alarm.number, Stage.CLEARED, now)


def acknowledge(alarm: Alarm, who: str, now: float) -> Step:
    if alarm.acknowledged is not None:
        raise Refused("{who} has acknowledged it already", who=alarm.acknowledged_by)
    alarm.acknowledged, alarm.acknowledged_by, alarm.escalation = now, who, 0
    return Step(alarm.number, Stage.ACKNOWLEDGED, now, who)


def assign(alarm: Alarm, who: str, now: float, to: str) -> Step:
    if not to:
        raise Incomplete("say to whom it is assigned")
    alarm.assigned_to = to
    return Step(alarm.number, Stage.ASSIGNED, now, who, to)


def mend(alarm: Alarm, who: str, now: float, text: str) -> Step:
    if alarm.active and not alarm.latched:
        raise Refused("the gate still reports it: it is mended when the gate says so")
    if not alarm.active and alarm.check is not Check.LOOK:  # its check has begun, and would be forgotten
        raise Refused("the machine checks this one by itself")
    if not text:
        raise Incomplete("say what was done")
    if alarm.active:
        clear(alarm, now)
    if alarm.mended_by:
        alarm.mended_before = [*alarm.mended_before, alarm.mended_by]
    alarm.mended, alarm.mended_by, alarm.checked = now, who, None
    return Step(alarm.number, Stage.MENDED, now, who, text)


def look(alarm: Alarm, who: str, now: float, text: str) -> Step:
    if alarm.check is not Check.LOOK:
        raise Refused("the machine checks this one by itself")
    if alarm.mended is None:
        raise Refused("nobody has said yet that it is mended")
    if who in (alarm.mended_by, *alarm.mended_before):
        raise Refused("the second look is for another person than the one who mended it")
    alarm.checked, alarm.checked_by = now, who
    return Step(alarm.number, Stage.CHECKED, now, who, text)


def close(alarm: Alarm, who: str, now: float, text: str) -> Step:
    if alarm.active:
        raise Refused("it is still active")
    if alarm.acknowledged is None:
        raise Refused("nobody has acknowledged it")
    if alarm.checked is None:
        raise Refused("its check has not passed: {why}", why=alarm.check.awaited)
    alarm.closed, alarm.closed_by, alarm.shelved_until = now, who, None
    return Step(alarm.number, Stage.CLOSED, now, who, text)


def shelve(alarm: Alarm, who: str, now: float, reason: str, seconds: float, at_most: float) -> Step:
    if not reason:
        raise Incomplete("say why it is shelved")
    if not 0 < seconds <= at_most:
        raise Incomplete("an alarm is shelved for at most {hours:g} hours", hours=at_most / 3600)
    alarm.shelved_until, alarm.shelved_by, alarm.shelved_because = now + seconds, who, reason
    return Step(alarm.number, Stage.SHELVED, now, who, reason)


def unshelve(alarm: Alarm, who: str, now: float) -> Step:
    if alarm.shelved_until is None:
        raise Refused("it is not shelved")
    alarm.shelved_until = None
    return Step(alarm.number, Stage.UNSHELVED, now, who)


def note(alarm: Alarm, who: str, now: float, text: str) -> Step:
    if not text:
        raise Incomplete("the note is empty: write what is to be remembered")
    return Step(alarm.number, Stage.NOTED, now, who, text)
