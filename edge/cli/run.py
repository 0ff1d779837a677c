"""`edge-gate run`: a gate, as one command for development or role by role as the service units call it."""

import logging
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, log_to_stderr
from edge.config import Config, Credentials, load
from edge.errors import EdgeError
from edge.i18n import N_

PRIORITIES = {logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Of syslog, as journald reads them (sd-daemon(3))."""


class Role(StrEnum):
    EYE = "eye"
    GATE = "gate"
    RELAY = "relay"
    LOOK = "look"


RoleOption = Annotated[Role | None, typer.Option("--role", help=N_("Run one process only, as the service units do."))]
CameraOption = Annotated[str, typer.Option("--camera", metavar="NAME", help=N_("The camera of an eye."))]


def run(
    config: ConfigOption = CONFIG,
    role: RoleOption = None,
    camera: CameraOption = "",
    credentials: CredentialsOption = None,
) -> None:
    """Run a gate until it is told to stop."""
    found, secrets = load(config), Credentials(credentials)
    start_log(role or "all")
    match role:
        case Role.GATE:
            from edge.service import run as gate

            gate(found, secrets)
        case Role.EYE:
            _eye(found, _camera(found, camera), secrets)
        case Role.RELAY:
            from edge.relay import run as guard

            guard(found)
        case Role.LOOK:
            from edge.look import run as look

            look(found, secrets)
        case None:
            _all(config, found, credentials)


def _eye(config: Config, name: str, secrets: Credentials) -> None:
    """One that recognises people, or one that only watches over its camera and needs none of what that takes."""
    if next(camera.door for camera in config.camera if camera.name == name):
        from edge.eye import run as eye
    else:
        from edge.onlooker import run as eye

    eye(config, name, secrets)


def start_log(process: str) -> None:
    """Log to standard error: our own information, of libraries warnings only; the journal knows time and process."""
    form = f"%(asctime)s {process} %(levelname)s %(message)s"
    if "JOURNAL_STREAM" in os.environ:
        form = "%(levelname)s%(message)s"
        for level, priority in PRIORITIES.items():
            logging.addLevelName(level, f"<{priority}>")
    log_to_stderr(logging.WARNING, form)
    logging.getLogger("edge").setLevel(logging.INFO)


def _camera(config: Config, name: str) -> str:
    """The camera that is meant; a gate with one camera need not name it."""
    names = [camera.name for camera in config.camera]
    if name in names:
        return name
    if not name and len(names) == 1:
        return names[0]
    raise EdgeError("--camera must be one of: {names}", names=", ".join(names))


def _all(file: Path, config: Config, credentials: Path | None) -> None:
    from edge.supervise import gate_children, supervise

    supervise(gate_children(file, config, credentials))
