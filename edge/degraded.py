"""Which degraded modes are in force, by their rows in `edge.fallbacks`. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from edge.door import Door
from edge.fallbacks import TABLE
from edge.health import Health
from edge.terms import ALIVE, Status, Storage

UNREAD = "orders_unreadable"


def in_force(health: Health, doors: Iterable[Door], liveness: bool, choices: Mapping[str, str]) -> dict[str, str]:
    """Row -> what the door does now; `choices` is what the site chose, where it may."""
    found = dict.fromkeys(_rows(health, list(doors), liveness))
    return {row: str(TABLE[row].does[choices.get(row, next(iter(TABLE[row].does)))]) for row in TABLE if row in found}


def _rows(health: Health, doors: list[Door], liveness: bool) -> Iterator[str]:
    statuses = [camera.report.status for camera in health.cameras.values()]
    if Status.SILENT in statuses:
        yield "vision_failed"
    if any(status not in ALIVE and status is not Status.SILENT for status in statuses):
        yield "camera_lost"
    if any(camera.drift.active for camera in health.cameras.values()):
        yield "camera_clock"
    if not liveness:
        yield "liveness_unavailable"
    if not health.trusted:
        yield "clock_untrusted"
    if health.whitelist.stale or health.whitelist.problem:
        yield "whitelist_stale" if health.whitelist.stale else "whitelist_unusable"
    if health.broker.status not in ALIVE:
        yield "broker_lost"
    if health.readers.silent:
        yield "reader_silent"
    if health.storage.state is not Storage.OK:
        yield "storage_slow"
    yield from _of_doors(doors)


def _of_doors(doors: list[Door]) -> Iterator[str]:
    for row, source in (("relay_failed", "relay"), ("inputs_failed", "inputs"), (UNREAD, "orders")):
        if any(source in door.faults for door in doors):
            yield row
    if any(door.chatter.active for door in doors):
        yield "inputs_chatter"
    if any(door.tamper for door in doors):
        yield "tamper"
    if any(door.leaf.fire for door in doors):
        yield "fire"
