"""`edge-gate check` and `doctor`: is the configuration right, and is everything there that it needs."""

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.config import Credentials, load
from edge.errors import Phrase
from edge.i18n import N_, _
from edge.strict import errors


def check(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Validate a configuration and name everything that is wrong with it."""
    found = load(config)
    cameras, doors = [camera.name for camera in found.camera], [door.name for door in found.door]
    warnings = errors(found.warnings())
    if json:
        emit({"ok": True, "cameras": cameras, "doors": doors, "warnings": [str(warning) for warning in warnings]})
        return
    text = "{path}: in order, {cameras} camera(s) and {doors} door(s)"
    say(text, path=config, cameras=len(cameras), doors=len(doors))
    for warning in warnings:
        say("{mark}: {text}", mark=Phrase(MARKS["warning"]), text=warning)


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
