"""`edge-gate run`: a gate, as one command for development or role by role as the service units call it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption
from edge.config import Config, Credentials, load
from edge.errors import EdgeError
from edge.i18n import N_


class Role(StrEnum):
    EYE = "eye"
    GATE = "gate"
    RELAY = "relay"


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
    match role:
        case Role.GATE:
            from edge.service import run as gate

            gate(found, secrets)
        case Role.EYE:
            from edge.eye import run as eye

            eye(found, _camera(found, camera), secrets)
        case Role.RELAY:
            from edge.relay import run as guard

            guard(found)
        case None:
            _all(config, found, credentials)


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
