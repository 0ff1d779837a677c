"""From the configuration to the rules of the core, which knows no files."""

from edge.access import AccessRules
from edge.config import Config
from edge.door import DoorRules
from edge.gate import GateRules
from edge.liveness import LivenessRules
from edge.sections import AccessSection
from edge.sight import SightRules


def gate_rules(config: Config) -> GateRules:
    """The rules of `config`'s gate."""
    access = config.access
    return GateRules(
        doors={door.name: DoorRules(door.pulse_s, door.held_open_s) for door in config.door},
        cameras={camera.name: camera.door for camera in config.camera},
        sights={camera.name: SightRules(*camera.picture_size) for camera in config.camera},
        access=AccessRules(
            votes=access.votes,
            freshness_s=access.freshness_s,
            cooldown_s=access.cooldown_s,
            refuse_after=access.refuse_after,
            liveness=liveness_rules(access),
            without_liveness=access.liveness_unavailable == "accept",
            unrecorded=access.storage_slow == "accept",
        ),
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
    )
