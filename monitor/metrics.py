"""What the room and its gates measure, for Prometheus: made at each scrape from what is known."""

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.access import Caller, api
from monitor.api import room_of
from monitor.gates import Gate
from monitor.reports import FLOWING
from monitor.room import Room
from monitor.terms import Alarm, Priority

PLACE = ("site", "gate")


class Measured(Collector):
    """One scrape of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def collect(self) -> Iterable[Metric]:
        yield _one("edge_gate_broker_connected", "Whether the room hears the broker", not self._room.why_silent)
        yield _one("edge_gate_pages_open", "Pages that are open", self._room.hub.size)
        yield from _alarms(self._room.casebook.open())
        yield from _gates(self._room.gates.all())


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _alarms(alarms: list[Alarm]) -> Iterator[Metric]:
    opened = GaugeMetricFamily("edge_gate_alarms_open", "Alarms that are not closed", labels=["priority"])
    active = GaugeMetricFamily("edge_gate_alarms_active", "Alarms whose fault is there now", labels=["priority"])
    for priority in Priority:
        own = [alarm for alarm in alarms if alarm.priority is priority]
        opened.add_metric([priority], len(own))
        active.add_metric([priority], sum(alarm.active for alarm in own))
    yield from (opened, active)
    overdue = sum(alarm.escalation > 0 for alarm in alarms)
    yield _one("edge_gate_alarms_overdue", "Alarms that are told to a higher level", overdue)


def _gates(gates: list[Gate]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(f"edge_gate_{name}", text, labels=[*PLACE, *more])
        for name, (text, more) in FAMILIES.items()
    }
    for gate in gates:
        for name, labels, value in _of(gate):
            families[name].add_metric([gate.site, gate.name, *labels], value)
    yield from families.values()


FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "up": ("Whether the gate is online", ()),
    "undelivered_events": ("Events that the gate keeps for the room", ()),
    "last_event_timestamp_seconds": ("When its last event was recorded", ()),
    "whitelist_revision": ("The revision of the whitelist that it runs", ()),
    "degraded": ("Degraded modes that are in force", ("mode",)),
    "camera_flowing": ("Whether usable frames come from a camera", ("camera",)),
    "camera_frames_per_second": ("Frames that the eye looks at", ("camera",)),
    "camera_clock_offset_seconds": ("How far the clock of a camera is ahead of its gate's", ("camera",)),
    "camera_frame_age_seconds": ("How old a frame is when it is looked at", ("camera",)),
}

Sample = tuple[str, list[str], float]


def _of(gate: Gate) -> Iterator[Sample]:
    yield "up", [], float(gate.status == "online")
    if gate.undelivered is not None:
        yield "undelivered_events", [], gate.undelivered
    if gate.last_event is not None:
        yield "last_event_timestamp_seconds", [], gate.last_event
    whitelist, degraded = gate.state.get("whitelist"), gate.state.get("degraded")
    if isinstance(whitelist, dict) and _is_number(whitelist.get("revision")):
        yield "whitelist_revision", [], whitelist["revision"]
    for mode in degraded if isinstance(degraded, dict) else ():
        yield "degraded", [str(mode)], 1.0
    for name, camera in gate.part("cameras").items():
        yield "camera_flowing", [name], float(camera.get("status") in FLOWING)
        health = gate.health.get(name)
        if not isinstance(health, dict):
            continue
        for key, metric, scale in HEALTH:
            if _is_number(value := health.get(key)):
                yield metric, [name], value * scale


HEALTH = (
    ("frames_per_s", "camera_frames_per_second", 1.0),
    ("frame_age_ms", "camera_frame_age_seconds", 0.001),
    ("clock_off_s", "camera_clock_offset_seconds", 1.0),
)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@api()
def metrics(request: Request, who: Caller) -> Response:
    registry = CollectorRegistry()
    registry.register(Measured(room_of(request)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


ROUTES = [Route("/metrics", metrics)]
