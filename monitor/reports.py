"""What the gates' messages mean for alarms: which report begins or ends one, and what a machine's check has seen.

A pure translation. Everything in a message comes from the network: what is not as expected says nothing.
"""

from collections.abc import Iterable, Iterator

from edge.events import TABLE, CameraFault, CameraPictured, GateStarted
from edge.terms import Moment
from edge.transport import Channel, Envelope, Presence, type_name
from monitor.stream import Flaw, Problem, Received
from monitor.terms import (
    AWAITED,
    OF_LEAF,
    OFFLINE,
    ROOM,
    Check,
    Cleared,
    Fact,
    Key,
    Pictured,
    Probed,
    Raised,
    Restarted,
)

PREFIX = "edge-gate."
ALARMS = {type_name(kind) for kind, row in TABLE.items() if row.channel is Channel.ALARM}
KNOWN = {type_name(kind) for kind in TABLE}
STARTED = type_name(GateStarted)
SEVERE = 500
"""An event of a type that this room does not know is an alarm from this severity on."""
CHECKS = {
    "CameraFault": Check.FRAMES,
    "CameraClockFault": Check.CAMERA_CLOCK,
    "BrokerFault": Check.ROUND_TRIP,
    "WhitelistFault": Check.WHITELIST,
    "StorageFault": Check.STORAGE,
    "DrillFault": Check.DRILL,
}
FLAWS = {Flaw.GAP: 900, Flaw.BREAK: 1000, Flaw.CONFLICT: 1000, Flaw.COMMITMENT: 900, Flaw.EPOCH: 700}
"""Severities of what is wrong with a gate's events. What a gate's log dropped, it reports itself."""
LONGEST = 64
"""Characters of a source that are told from another's."""
FLOWING = ("streaming", "changed")


def of_event(received: Received) -> Iterator[Fact]:
    """Alarms that begin or end with an event, and what it shows of a door."""
    event, data = received.event, received.event.data
    kind = kind_of(event)
    if _is_alarm(event):
        key = Key(received.site, received.gate, event.subject, kind, source_of(event))
        if is_over(event):
            yield Cleared(key)
        elif data.get("active") is not False:
            yield Raised(key, event.severity, _check(kind, data), _detail(data), latched="active" not in data)
    if event.type == STARTED:
        yield Restarted(received.site, received.gate)
    place = (received.site, received.gate, event.subject)
    if kind == CameraPictured.__name__ and data.get("moment") in list(Moment):
        yield Pictured(Key(*place, CameraFault.__name__), str(data["moment"]), event.id)
    if kind == "DoorPhysicalStateChanged" and data.get("state") in ("Open", "Closed"):
        yield Probed(*place, Check.CONTACT, data["state"] == "Closed")
        yield from (Cleared(Key(*place, each)) for each in OF_LEAF if data["state"] == "Closed")
    if kind == "DoorModeChanged" and data.get("mode") == "Accessed":
        yield Probed(*place, Check.RELAY, True)
    if kind == "DrillReport":
        yield Probed(received.site, received.gate, "", Check.DRILL, data.get("passed") is True)


def of_problem(problem: Problem) -> Iterator[Fact]:
    """A gap or a break among a gate's events is an alarm of its own."""
    if problem.kind in FLAWS:
        key = Key(problem.site, problem.gate, problem.epoch, f"{ROOM}{problem.kind}")
        detail = f"{problem.first}-{problem.last}: {problem.detail}" if problem.last else problem.detail
        yield Raised(key, FLAWS[problem.kind], Check.LOOK, detail, latched=True)


def of_waiting(site: str, gate: str, first: int, last: int) -> Fact:
    """Later events are there, and the gate does not send these although it was asked for them."""
    return Raised(Key(site, gate, "", AWAITED), 700, Check.ROUND_TRIP, f"{first}-{last}")


def of_progress(received: Iterable[Received]) -> Iterator[Fact]:
    """Whatever can be recorded of a gate follows without a gap."""
    for site, gate in {(each.site, each.gate) for each in received}:
        yield Cleared(Key(site, gate, "", AWAITED))


def of_state(site: str, gate: str, presence: Presence) -> Iterator[Fact]:
    """Whether a gate is there, and how it is."""
    online, key = presence.status == "online", Key(site, gate, "", OFFLINE)
    yield Cleared(key) if online else Raised(key, 700, Check.ONLINE)
    yield Probed(site, gate, "", Check.ONLINE, online)
    if not online:
        return
    for name, camera in _tables(presence.gate.get("cameras")):
        yield Probed(site, gate, f"camera/{name}", Check.FRAMES, camera.get("status") in FLOWING)
        is_right = camera.get("clock_wrong") is False  # what is not known is not right
        yield Probed(site, gate, f"camera/{name}", Check.CAMERA_CLOCK, is_right)
    whitelist, storage = presence.gate.get("whitelist"), presence.gate.get("storage")
    if isinstance(whitelist, dict):
        yield Probed(site, gate, "", Check.WHITELIST, whitelist.get("problem") == "")
    if isinstance(storage, str):
        yield Probed(site, gate, "", Check.STORAGE, storage == "ok")


def of_health(site: str, gate: str, health: dict[str, object]) -> Iterator[Fact]:
    """What a gate measures from time to time."""
    outbox = health.get("outbox")
    if isinstance(outbox, dict) and outbox.get("undelivered") == 0:
        yield Probed(site, gate, "", Check.ROUND_TRIP, True)
    for name, camera in _tables(health):
        rate = camera.get("frames_per_s")
        if isinstance(rate, int | float) and rate <= 0:
            yield Probed(site, gate, f"camera/{name}", Check.FRAMES, False)


def kind_of(event: Envelope) -> str:
    """The name of an event's type, without our prefix."""
    return event.type.removeprefix(PREFIX)


def _is_alarm(event: Envelope) -> bool:
    if event.type in KNOWN:
        return event.type in ALARMS and kind_of(event) != "EpochStarted"  # a problem tells of it
    return "active" in event.data or event.severity >= SEVERE


def is_over(event: Envelope) -> bool:
    """Whether an alarm ends with this: not where the same is still so of others, whom its key does not name."""
    return event.data.get("active") is False and not event.data.get("others")


def source_of(event: Envelope) -> str:
    """What of a door it is whose fault begins and ends by itself, whatever else is amiss there."""
    source = event.data.get("source")
    return source[:LONGEST] if kind_of(event) == "DoorFault" and isinstance(source, str) else ""


def _check(kind: str, data: dict[str, object]) -> Check:
    if kind == "DoorFault":
        return Check.RELAY if data.get("source") == "relay" else Check.CONTACT
    return CHECKS.get(kind, Check.LOOK)


def _detail(data: dict[str, object]) -> str:
    """The plain fields, for people: no evidence and nothing personal."""
    plain = [(name, value) for name, value in data.items() if isinstance(value, str | int | float) and name != "active"]
    return ", ".join(f"{name}: {value}" for name, value in plain)[:300]


def _tables(things: object) -> list[tuple[str, dict[str, object]]]:
    """The named tables in what a gate sent, whatever that is."""
    if not isinstance(things, dict):
        return []
    return [(str(name), thing) for name, thing in things.items() if isinstance(thing, dict)]
