"""The demonstration's film: people from public-domain portraits come through a drawn hall up to the camera."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from edge.portraits import ABOVE, ASIDE, BELOW, EYES_PX, KNOWN, STRANGER, Figure, Portrait, cut_out
from edge.scene import EYE_HEIGHT_M, FOCAL_PX, HEIGHT, HORIZON, WIDTH, Image, hall

RATE = 25
_EYES_M = 0.063
_FAR_M = 5.9
_WALK_S, _LOOK_S, _LEAVE_S, _GAP_S = 2.2, 1.5, 0.6, 1.4

APPROACHES = [KNOWN, STRANGER, KNOWN, KNOWN, STRANGER, KNOWN] * 2
"""Who comes, in this order: the person who is enrolled eight times, a stranger four times."""

Progress = Callable[[int, int], None]


class Approach(NamedTuple):
    """When the person of a portrait was in the picture, in seconds of the film."""

    portrait: Portrait
    start_s: float
    end_s: float


class Pose(NamedTuple):
    """Where somebody is in a frame: pixels between the eyes, middle of the eyes, roll in degrees, brightness."""

    portrait: Portrait
    eyes_px: float
    x: float
    y: float
    roll: float
    light: float


def approach_film(path: Path, folder: Path, cast: Sequence[Portrait], progress: Progress) -> list[Approach]:
    """Render `cast` approaching one after the other, 1280x720 H.264; without a cast, two seconds of the empty hall.

    `folder` holds the photographs; `progress` is told the frames done and the frames in all. A film cut short
    never stands at `path`: it is moved there when it is whole.
    """
    frames, approaches = _script(cast)
    draw = partial(_draw, hall(), {portrait: cut_out(folder, portrait) for portrait in set(cast)})
    part = path.with_suffix(".part.mp4")
    with ThreadPoolExecutor(2) as pool, av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        stream.options = {"preset": "ultrafast", "crf": "24", "bf": "0", "g": str(RATE)}
        for start in range(0, len(frames), RATE):
            for image in pool.map(draw, frames[start : start + RATE]):
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
            progress(min(start + RATE, len(frames)), len(frames))
        container.mux(stream.encode(None))
    part.replace(path)
    return approaches


def _script(cast: Sequence[Portrait]) -> tuple[list[Pose | None], list[Approach]]:
    """Who is where in each frame, and when somebody is there at all."""
    frames: list[Pose | None] = [None] * (RATE if cast else 2 * RATE)
    approaches = []
    for number, portrait in enumerate(cast):
        start = len(frames)
        frames += _walk(portrait, number)
        approaches.append(Approach(portrait, start / RATE, len(frames) / RATE))
        frames += [None] * round(_GAP_S * RATE)
    return frames, approaches


def _walk(portrait: Portrait, number: int) -> Iterator[Pose]:
    """One approach: out of the doorway up to the camera, a look into it, and past it."""
    chance = np.random.default_rng(number)
    aside, stop = chance.uniform(-0.10, 0.10), chance.uniform(0.58, 0.64)
    for seconds in np.arange(0, _WALK_S + _LOOK_S + _LEAVE_S, 1 / RATE):
        walked = 1 - (1 - min(1.0, seconds / _WALK_S)) ** 1.9
        leaving = max(0.0, (seconds - _WALK_S - _LOOK_S) / _LEAVE_S) ** 2
        pixels_a_metre = FOCAL_PX / (_FAR_M + (stop - _FAR_M) * walked)
        sway = 0.02 * math.sin(7 * seconds) * (1 - 0.8 * walked)
        bob = 0.012 * math.sin(14 * seconds) * (1 - 0.85 * walked)
        yield Pose(
            portrait,
            eyes_px=_EYES_M * pixels_a_metre * (1 + 0.25 * leaving),
            x=WIDTH / 2 + pixels_a_metre * (aside * walked + sway) + chance.normal(0, 0.25) + 1100 * leaving,
            y=HORIZON + pixels_a_metre * bob + chance.normal(0, 0.25),
            roll=1.6 * math.sin(5 * seconds + number),
            light=(0.55 + 0.42 * min(1.0, 1.6 * walked)) * (1 + 0.05 * math.sin(4.4 * seconds + number)),
        )


def _draw(scene: Image, figures: dict[Portrait, Figure], pose: Pose | None) -> Image:
    """The scene, and whoever is in it."""
    if pose is None:
        return scene
    image = scene.copy()
    _stand(image, pose)
    figure = figures[pose.portrait]
    level = min(len(figure) - 1, max(0, int(math.log2(EYES_PX / pose.eyes_px))))
    unit = EYES_PX / 2**level
    matrix = cv2.getRotationMatrix2D((ASIDE * unit, ABOVE * unit), pose.roll, pose.eyes_px / unit)
    left, right = max(0, round(pose.x - ASIDE * pose.eyes_px)), min(WIDTH, round(pose.x + ASIDE * pose.eyes_px))
    top, bottom = max(0, round(pose.y - ABOVE * pose.eyes_px)), min(HEIGHT, round(pose.y + BELOW * pose.eyes_px))
    if left < right:
        matrix[:, 2] += (pose.x - ASIDE * unit - left, pose.y - ABOVE * unit - top)
        *colours, alpha = cv2.split(cv2.warpAffine(figure[level], matrix, (right - left, bottom - top)))
        behind = cv2.multiply(image[top:bottom, left:right], cv2.merge([255 - alpha] * 3), scale=1 / 255)
        image[top:bottom, left:right] = cv2.addWeighted(cv2.merge(colours), pose.light, behind, 1.0, 0)
    return image


def _stand(image: Image, pose: Pose) -> None:
    """Shadow and trousers: the portraits end at the thigh, and far off one sees the floor."""
    feet = EYE_HEIGHT_M / _EYES_M
    floor = pose.y + feet * pose.eyes_px
    if floor > HEIGHT + 4 * pose.eyes_px:
        return
    for size in (1.0, 0.85, 0.7, 0.55):
        axes = (round(4.2 * size * pose.eyes_px), round(0.8 * size * pose.eyes_px))
        shade = cv2.ellipse(image.copy(), (round(pose.x), round(floor)), axes, 0, 0, 360, (30, 30, 30), -1, cv2.LINE_AA)
        cv2.addWeighted(shade, 0.2, image, 0.8, 0, dst=image)
    for side in (-1, 1):
        leg = np.array([(0.1, 13), (2.9, 13), (1.9, feet), (0.5, feet)]) * (side, 1) * pose.eyes_px + (pose.x, pose.y)
        cv2.fillConvexPoly(image, (16 * leg).astype(np.int32), (26, 22, 20), cv2.LINE_AA, 4)
