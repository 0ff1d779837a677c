"""From the configuration to the rules of the core, which knows no files."""

import msgspec

from edge.access import AccessRules
from edge.accesssection import AccessSection
from edge.areas import AreaRules
from edge.attempts import AttemptRules
from edge.config import Config, DoorSection
from edge.door import DoorRules
from edge.factors import EntryRules
from edge.gate import GateRules
from edge.liveness import LivenessRules
from edge.permits import Level, PermitRules
from edge.presence import Several
from edge.schedule import Calendar
from edge.sight import SightRules
from edge.terms import Factor


def gate_rules(config: Config) -> GateRules:
    """The rules of `config`'s gate."""
    access = config.access
    return GateRules(
        doors={door.name: _door(door, config.door) for door in config.door},
        cameras={camera.name: camera.door for camera in config.camera},
        sights={camera.name: SightRules(*camera.picture_size, camera.clock_limit_s) for camera in config.camera},
        access=AccessRules(
            votes=access.votes,
            freshness_s=access.freshness_s,
            cooldown_s=access.cooldown_s,
            refuse_after=access.refuse_after,
            liveness=liveness_rules(access),
            without_liveness=config.degraded.liveness_unavailable == "accept",
            unrecorded=config.degraded.storage_slow == "accept",
            several=Several(access.several_people),
        ),
        entry={door.name: _entry(door) for door in config.door},
        permits=_permits(config),
        areas={area.name: AreaRules(area.passback, area.forget_after_s) for area in config.area},
        into={camera.name: camera.into for camera in config.camera if camera.into}
        | {reader.name: reader.into for reader in config.reader if reader.into},
        attempts=AttemptRules(access.attempts, access.attempts_within_s, access.attempts_block_s, access.attempts_pins),
        unlocked={door.name: door.unlocked for door in config.door if door.unlocked},
        degraded=msgspec.to_builtins(config.degraded),
        readers={reader.name: reader.silent_after_s for reader in config.reader if reader.silent_after_s},
        drill_every_s=config.drill.every_days * 86_400,
    )


def _door(door: DoorSection, doors: list[DoorSection]) -> DoorRules:
    """A sluice works both ways, though only one of its doors may name the other."""
    others = {*door.interlock, *(other.name for other in doors if door.name in other.interlock)}
    return DoorRules(
        pulse_s=door.pulse_s,
        held_open_s=door.held_open_s,
        hard_limit_s=door.hard_limit_s,
        extended_pulse_s=door.extended_pulse_s,
        extended_held_open_s=door.extended_held_open_s,
        held_again_s=door.held_again_s,
        interlock=tuple(sorted(others)),
        chatter_changes=door.chatter_changes,
        chatter_within_s=door.chatter_within_s,
    )


def _entry(door: DoorSection) -> EntryRules:
    return EntryRules(
        opens_with=frozenset(map(Factor, door.opens_with)),
        second_factors=frozenset(map(Factor, door.second_factors)),
        always=door.second_factor == "always",
        second_factor_s=door.second_factor_s,
        people=door.people,
        second_person_s=door.second_person_s,
    )


def _permits(config: Config) -> PermitRules:
    calendar = config.calendar
    schedules = {section.name: section.schedule() for section in config.schedule}
    return PermitRules(
        levels={level.name: Level(frozenset(level.doors), level.schedule) for level in config.level},
        calendar=Calendar(calendar.time_zone, frozenset(calendar.dates()), schedules),
        trust_clock=config.degraded.clock_untrusted == "accept",
    )


def liveness_rules(access: AccessSection) -> LivenessRules:
    """When a face is live, as the site wants it."""
    return LivenessRules(
        votes=access.votes,
        refuse_after=access.refuse_after,
        live_at_least=access.live_at_least,
        live_moving=access.live_moving_at_least,
        attack_below=access.attack_below,
        attack_below_unmoving=access.attack_below_unmoving,
        watch_s=access.live_watch_s,
        pattern_at_least=access.pattern_at_least,
    )
