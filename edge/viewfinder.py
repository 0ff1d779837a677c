"""Looking through a camera while somebody waits for it: what a gate would report as a state is an error here."""

from collections.abc import Iterator
from contextlib import contextmanager

from edge.camera import Camera, Frame
from edge.config import CameraSection, Credentials
from edge.errors import LinkError
from edge.i18n import N_
from edge.terms import ALIVE, Status

HINTS = {
    Status.UNAUTHORIZED: N_("check the camera's username and credential"),
    Status.NOT_FOUND: N_("check the path of the camera's url: the camera answers, but has no such stream"),
    Status.REFUSED: N_("check the port of the camera's url, and that RTSP is switched on in the camera"),
    Status.UNREACHABLE: N_("check the host of the camera's url, its power and its network"),
    Status.BROKEN: N_("let the camera send H.264 or H.265"),
}
WAIT_S = 0.1


class Viewfinder:
    """An open camera."""

    def __init__(self, section: CameraSection, camera: Camera) -> None:
        self._section, self._camera = section, camera

    def frame(self) -> Frame | None:
        """The newest frame, if one comes soon; LinkError, with what to check, once the camera has said no."""
        frame = self._camera.next(WAIT_S)
        for state in self._camera.news():
            if state.status not in ALIVE | {Status.CONNECTING}:
                text, hint = "camera {camera}: {why}", HINTS.get(state.status, N_("check the camera"))
                raise LinkError(text, hint, camera=self._section.name, why=state.detail)
        return frame

    def silent(self) -> LinkError:
        """What is wrong with a camera of which nothing came in time."""
        return LinkError("camera {camera}: no picture came", HINTS[Status.BROKEN], camera=self._section.name)


@contextmanager
def looking(section: CameraSection, credentials: Credentials) -> Iterator[Viewfinder]:
    """The camera of this section, until the block ends."""
    camera = Camera(section, credentials.read(section.credential) if section.credential else "")
    camera.start()
    try:
        yield Viewfinder(section, camera)
    finally:
        camera.close()
