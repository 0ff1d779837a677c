"""Which credentials gate and desk have, by the configuration: for the units' drop-ins and for `edge-gate doctor`."""

from edge.config import Config, DeskConfig
from edge.passes import PUBLIC
from edge.signet import DESK_KEY, DESK_NEXT, DESK_PUBLIC, GATE_OPENS, GATE_SIGNS
from edge.whitelist import KEY


def needed(config: Config) -> list[str]:
    """What it does not go without, but for the recorder's key, without which it goes on and prunes nothing."""
    keys = of_list(config)
    keys += [each.key_credential for each in config.reader]
    keys += [each.credential for each in config.operator] + [each.credential for each in config.issuer]
    return list(dict.fromkeys(filter(None, [*keys, config.broker.credential, config.broker.key_credential])))


def of_list(config: Config) -> list[str]:
    """What it takes to read the whitelist: for a drill, too."""
    return [GATE_SIGNS, GATE_OPENS, DESK_PUBLIC] if config.whitelist.source == "desk" else [KEY]


def perhaps(config: Config) -> list[str]:
    """What it takes if it is there: the key of the desk's passes, the next one of a desk that rotates."""
    return [PUBLIC, *([DESK_NEXT] if config.whitelist.source == "desk" else [])]


def of_desk(config: DeskConfig) -> list[str]:
    """What the desk runs with: it opens and signs the list."""
    return list(filter(None, [KEY, DESK_KEY, config.broker.credential, config.broker.key_credential]))
