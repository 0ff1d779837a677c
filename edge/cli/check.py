"""`edge-gate check` and `doctor`: is the configuration right, and is everything there that it needs."""


from edge.cli.common import CONFIG, ConfigOption, JsonOption, emit, say
from edge.config import load


def check(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Validate a configuration and name everything that is wrong with it."""
    found = load(config)
    if json:
        emit({"ok": True, "cameras": [c.name for c in found.camera], "doors": [d.name for d in found.door]})
    else:
        say(
            "{path}: in order, {cameras} camera(s) and {doors} door(s)",
            path=config, cameras=len(found.camera), doors=len(found.door),
        )  # fmt: skip
