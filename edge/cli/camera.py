"""`edge-gate camera`: help with mounting a camera."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.config import CameraSection, Credentials, Place, load
from edge.errors import EdgeError
from edge.i18n import N_

camera = typer.Typer()


@camera.callback()
def _group() -> None: ...


@camera.command(help=N_("Draw what a camera sees: zone, faces, and whether they are near enough."))
def aim(
    config: ConfigOption = CONFIG,
    name: Annotated[str, typer.Option("--camera", metavar="NAME", help=N_("Which camera, if there are several."))] = "",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=N_("The picture to write."))] = Path("aim.jpg"),
    confirm: Annotated[
        bool, typer.Option("--confirm", help=N_("Keep this view as the right one: another one is a fault from now on."))
    ] = False,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    from edge import aim as shell

    found = load(config)
    aimed = shell.aim(found, chosen(found, name), Credentials(credentials), out, confirm)
    if json:
        emit({**msgspec.to_builtins(aimed), "picture": str(out)})
        return
    say(
        "{camera}: {width} x {height}, {fps} frames a second, {age} ms old",
        camera=aimed.camera, width=aimed.width, height=aimed.height, fps=aimed.frames_per_s, age=aimed.frame_age_ms,
    )  # fmt: skip
    for face in aimed.faces:
        say(_VERDICTS[face.in_zone, face.near_enough], eyes=round(face.eye_distance_px))
    if not aimed.faces:
        say("no face was seen: let somebody stand where the door shall open")
    say("see {picture}", picture=out)


_VERDICTS = {
    (True, True): N_("a face, eyes {eyes} px apart: good"),
    (True, False): N_("a face, eyes {eyes} px apart: too far away"),
    (False, True): N_("a face, eyes {eyes} px apart: outside the zone"),
    (False, False): N_("a face, eyes {eyes} px apart: outside the zone and too far away"),
}


def chosen(config: Place, name: str) -> CameraSection:
    """The camera of this name; a gate with one camera need not name it."""
    cameras = {section.name: section for section in config.camera}
    if not name and len(cameras) == 1:
        return config.camera[0]
    if name not in cameras:
        raise EdgeError("--camera must be one of: {names}", names=", ".join(cameras) or "-")
    return cameras[name]
