"""`edge-gate check` and `doctor`: is the configuration right, and is everything there that it needs."""

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.config import Config, Credentials, load, load_place
from edge.errors import Phrase
from edge.i18n import N_, _
from edge.strict import errors


def check(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Validate a configuration, of a gate, a desk or a workstation, and name everything that is wrong with it.

    It reads this file alone: whether keys, databases, devices and peers are there is for `doctor`, at a gate.
    """
    found = load_place(config)
    cameras = [camera.name for camera in found.camera]
    doors = [door.name for door in found.door] if isinstance(found, Config) else []
    warnings = errors(found.warnings()) if isinstance(found, Config) else []
    kind = next(name for name in ("gate", "desk", "workstation") if hasattr(found, name))
    if json:
        told = {"ok": True, "kind": kind, "cameras": cameras, "doors": doors}
        emit({**told, "warnings": [str(warning) for warning in warnings]})
        return
    say(IN_ORDER[kind], path=config, cameras=len(cameras), doors=len(doors))
    for warning in warnings:
        say("{mark}: {text}", mark=Phrase(MARKS["warning"]), text=warning)


IN_ORDER = {
    "gate": N_("{path}: in order, {cameras} camera(s) and {doors} door(s)"),
    "desk": N_(
        "{path}: in order, of a desk, with {cameras} camera(s); its keys, databases and broker were not looked at"
    ),
    "workstation": N_(
        "{path}: in order, of a workstation, with {cameras} camera(s); its keys and broker were not looked at"
    ),
}


MARKS = {"ok": N_("ok"), "warning": N_("mind"), "failed": N_("failed")}


def doctor(config: ConfigOption = CONFIG, credentials: CredentialsOption = None, json: JsonOption = False) -> None:
    """Go through what a gate needs and say how to mend what is amiss. Nothing is changed or energised."""
    from edge import doctor as doctors  # with every adapter there is, which `check` does without

    findings = []
    for name, found in doctors.examine(load(config), Credentials(credentials)):
        findings.append((name, found))
        if not json:
            say("{mark}: {text}", mark=Phrase(MARKS[found.outcome]), text=found.text)
            if remedy := found.remedy.render(_):
                typer.echo(f"    {remedy}")
    failed = any(found.outcome is doctors.Outcome.FAILED for _name, found in findings)
    if json:
        lines = [
            {"check": name, "outcome": found.outcome, "text": str(found.text), "remedy": str(found.remedy)}
            for name, found in findings
        ]
        emit({"ok": not failed, "findings": lines})
    if failed:
        raise typer.Exit(1)
