"""What a camera sees, drawn for the person who mounts it: capture zone, faces, and whether they are near enough."""

import time
from pathlib import Path

import cv2
from msgspec import Struct

from edge import views
from edge.camera import Frame
from edge.config import CameraSection, Config, Credentials
from edge.errors import EdgeError
from edge.faces import Face, Vision
from edge.models import load
from edge.picture import Image
from edge.terms import Quality
from edge.track import Zone, eye_distance
from edge.viewfinder import Viewfinder, looking

LOOK_S = 1.0
KEY_FRAME_S = 12.0
WHITE, GREEN, AMBER, DARK = (255, 255, 255), (80, 200, 60), (0, 176, 255), (32, 32, 32)
FONT = cv2.FONT_HERSHEY_SIMPLEX


class SeenFace(Struct, frozen=True):
    """A face in the picture: would it do?"""

    eye_distance_px: float
    near_enough: bool
    in_zone: bool
    quality: Quality


class Aimed(Struct, frozen=True):
    """What was seen within a second."""

    camera: str
    width: int
    height: int
    frames_per_s: float
    frame_age_ms: float
    faces: list[SeenFace]


def aim(config: Config, section: CameraSection, credentials: Credentials, out: Path, confirm: bool = False) -> Aimed:
    """Look for a second and draw the frame with the most and nearest faces to `out` (any format OpenCV writes).

    With `confirm` the view with the fewest people in it is kept as the right one (`confirmed_view`). LinkError when the
    camera gives no picture, with what to check; EdgeError when a file cannot be written.
    """
    if confirm and not section.confirmed_view:
        hint = "name the file as confirmed_view of this camera"
        raise EdgeError("camera {camera} has no file for its confirmed view", hint, camera=section.name)
    with looking(section, credentials) as through:
        vision = Vision(load(config.models.pack, Path(config.models.directory)))
        frames = _watch(through, section)
    looked = [(frame, vision.detect(frame.picture, section.detect_width_px)) for _, frame in frames]
    emptiest, _ = min(looked, key=_people)
    if confirm:
        views.confirm(emptiest.picture, Path(section.confirmed_view))
    best, faces = max(looked, key=_people)
    zone = Zone(*section.zone, section.least_eye_distance_px)
    aimed = _aimed(section, zone, vision, best, faces, frames)
    _write(out, _drawn(best, faces, aimed, zone))
    return aimed


def _people(look: tuple[Frame, list[Face]]) -> float:
    """How much of people a frame shows."""
    return sum(eye_distance(face) for face in look[1])


def _watch(through: Viewfinder, section: CameraSection) -> list[tuple[float, Frame]]:
    """A few frames of a second, each with the time when it was taken."""
    frames: list[tuple[float, Frame]] = []
    end = time.monotonic() + 2 * section.open_timeout_s + KEY_FRAME_S
    while time.monotonic() < end:
        if frame := through.frame():
            frames.append((time.monotonic(), frame))
            end = min(end, frames[0][0] + LOOK_S)
    if not frames:
        raise through.silent()
    return frames


def _aimed(
    section: CameraSection,
    zone: Zone,
    vision: Vision,
    best: Frame,
    faces: list[Face],
    frames: list[tuple[float, Frame]],
) -> Aimed:
    (begun, first), (ended, last) = frames[0], frames[-1]
    width, height = best.picture.width, best.picture.height
    seen = [
        SeenFace(eye_distance(face), zone.near(face), zone.holds(face, width, height), quality)
        for face in faces
        for quality in [vision.quality(best.picture, face)]
    ]
    per_s = (last.index - first.index) / (ended - begun) if ended > begun else 0.0
    ages = sorted(1000 * (taken - frame.captured) for taken, frame in frames)
    return Aimed(section.name, width, height, round(per_s, 1), round(ages[len(ages) // 2], 1), seen)


def _drawn(frame: Frame, faces: list[Face], aimed: Aimed, zone: Zone) -> Image:
    width, height = aimed.width, aimed.height
    image = frame.picture.scaled(width, height)
    scale = max(0.4, height / 900)
    left, top, right, bottom = (
        round(fraction * side) for fraction, side in zip(_corners(zone), (width, height) * 2, strict=True)
    )
    cv2.rectangle(image, (left, top), (right - 1, bottom - 1), WHITE, max(1, round(2 * scale)))
    for face, seen in zip(faces, aimed.faces, strict=True):
        _face(image, face, seen, scale)
    good = sum(face.near_enough and face.in_zone for face in aimed.faces)
    _label(image, f"{aimed.camera}  {width} x {height}  {aimed.frames_per_s:.0f}/s", 0, 0, WHITE, scale)
    least = f"zone: white   eyes at least {zone.least_eye_distance_px:.0f} px apart: green ({good} of {len(faces)})"
    _label(image, least, 0, round(34 * scale), WHITE, scale)
    return image


def _corners(zone: Zone) -> tuple[float, float, float, float]:
    return zone.left, zone.top, zone.right, zone.bottom


def _face(image: Image, face: Face, seen: SeenFace, scale: float) -> None:
    colour = GREEN if seen.near_enough and seen.in_zone else AMBER
    x, y, right, bottom = (round(side) for side in (face.x, face.y, face.x + face.width, face.y + face.height))
    cv2.rectangle(image, (x, y), (right, bottom), colour, max(1, round(2 * scale)))
    for u, v in face.landmarks[:2]:
        cv2.circle(image, (round(float(u)), round(float(v))), max(1, round(3 * scale)), colour, -1)
    text = f"{seen.eye_distance_px:.0f} px" if seen.in_zone else f"{seen.eye_distance_px:.0f} px, outside"
    _label(image, text, x, y - round(30 * scale), colour, scale * 0.8)


def _label(image: Image, text: str, x: int, y: int, colour: tuple[int, int, int], scale: float) -> None:
    """Text on a dark ground, its upper left corner at (x, y), kept inside the picture."""
    (width, height), _ = cv2.getTextSize(text, FONT, scale, 1)
    x, y = max(0, min(x, image.shape[1] - width - 8)), max(0, y)
    cv2.rectangle(image, (x, y), (x + width + 8, y + height + round(14 * scale)), DARK, -1)
    cv2.putText(image, text, (x + 4, y + height + round(6 * scale)), FONT, scale, colour, 1, cv2.LINE_AA)


def _write(out: Path, image: Image) -> None:
    try:
        ok, data = cv2.imencode(out.suffix or ".jpg", image)
        if ok:
            out.write_bytes(data.tobytes())
            return
    except cv2.error:
        pass
    except OSError as error:
        raise EdgeError("{path} cannot be written: {why}", path=out, why=error.strerror) from error
    raise EdgeError("{path}: no such picture format", "use .jpg or .png", path=out)
