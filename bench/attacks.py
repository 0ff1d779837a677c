"""Presentation attacks that nobody made: photographs and films of faces shown on sheets and screens that are drawn.

    python -m bench.attacks LFW.zip FILM... --out OUT --seed 1

writes `OUT/live/ENTRY` and `OUT/attack/SPECIES/ENTRY`, folders of numbered frames for `edge-gate evaluate liveness`.
**They are synthetic**: the plane, its tremor, border, moire, glare, print colours and the camera's noise are right in
kind and of plausible size, no more. They exercise the motion and border cues; what the liveness networks make of
drawn moire says little of real screens. Living people are the films themselves, seen through a camera that stands
still, and photographs whose head moves before its surroundings.
"""

import argparse
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Draw = Callable[[float], Image]
"""A picture for a time in seconds."""


class Species(NamedTuple):
    screen: bool
    moving: bool
    """Whether a film is shown, not a photograph."""
    held: bool


SPECIES = {
    f"{medium}-{'video' if moving else 'photo'}-{'hand' if held else 'stand'}": Species(screen, moving, held)
    for medium, screen in (("print", False), ("screen", True))
    for moving in (False, True)
    for held in (True, False)
    if screen or not moving
}


class Tremor:
    """A smooth random motion: a drift and two faster tremors, zero mean; amplitudes are of the whole."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._rates = chance.uniform([0.15, 0.5, 1.5], [0.4, 1.2, 4.0])
        self._phases = chance.uniform(0, 2 * np.pi, (4, 3))
        self._weights = np.array([1.0, 0.4, 0.12])

    def at(self, seconds: float) -> NDArray[np.float64]:
        """Four numbers of about unit size: right, down, turn, nearer."""
        moved: NDArray[np.float64] = np.sin(2 * np.pi * self._rates * seconds + self._phases) @ self._weights
        return moved


def living(photo: Image, at: tuple[float, float, float], chance: np.random.Generator, sway: float) -> Draw:
    """A photograph whose head moves: rigidly inside, not at all beyond the hair, the nose more than the ears.

    `at` is the middle and the width of the face; `sway` how far it goes, in face widths.
    """
    tremor, size = Tremor(chance), photo.shape[0]
    middle, wide = at[:2], at[2]
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    u, v = (x - middle[0]) / (0.5 * wide), (y - middle[1]) / (0.5 * wide)
    away = np.sqrt(u**2 + (0.75 * v) ** 2)
    near = np.clip((1.75 - away) / 0.4, 0, 1) ** 0.7
    depth = np.sqrt(np.clip(1 - (away / 1.4) ** 2, 0, 1))

    def draw(seconds: float) -> Image:
        right, down, turn, nearer = tremor.at(seconds) * sway * wide
        across = right * near + 0.5 * turn * near * depth - 0.3 * nearer * u * near
        along = down * near + 0.3 * turn * near * v * 0.2 - 0.3 * nearer * v * near
        return cv2.remap(photo, x - across.astype(np.float32), y - along.astype(np.float32), cv2.INTER_LINEAR)

    return draw


def shown(source: Draw, species: Species, scene: Image, fill: float, chance: np.random.Generator) -> Draw:
    """What `source` shows, on a sheet or screen that fills this share of the picture's height, before a scene."""
    tremor, amplitude = Tremor(chance), chance.uniform(0.004, 0.02) if species.held else 0.0
    height, width = scene.shape[:2]
    middle = np.array([width / 2, height / 2]) + chance.uniform(-0.04, 0.04, 2) * height
    tilt = chance.uniform(-0.08, 0.08, 2)
    dress = _screen(chance) if species.screen else _sheet(chance)

    def draw(seconds: float) -> Image:
        right, down, turn, nearer = tremor.at(seconds) * amplitude
        picture = dress(source(seconds if species.moving else 0.0))
        side = fill * height * (1 + nearer)
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
        lean = tilt + np.array([turn, right]) * 2
        shape = square * (1 + square[:, ::-1] * lean) * side * (picture.shape[1] / picture.shape[0], 1)
        angle = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        corners = shape @ angle.T + middle + np.array([right, down]) * height
        rows, columns = picture.shape[:2]
        frame = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        matrix = cv2.getPerspectiveTransform(frame, corners.astype(np.float32))
        size = (width, height)
        area = cv2.warpPerspective(np.full((rows, columns), 255, np.uint8), matrix, size)[..., None] / 255.0
        return area * cv2.warpPerspective(picture, matrix, size) + (1 - area) * scene

    return draw


def _sheet(chance: np.random.Generator) -> Callable[[Image], Image]:
    """Print colours: paper is not white, ink not black, and colours are fewer; a margin."""
    white, black, pale = chance.uniform(200, 240), chance.uniform(15, 45), chance.uniform(0.6, 0.9)
    tint, margin = chance.uniform(0.94, 1.06, 3), chance.uniform(0.0, 0.08)

    def dress(picture: Image) -> Image:
        grey = picture.mean(axis=2, keepdims=True)
        inked = (black + (grey + pale * (picture - grey)) / 255 * (white - black)) * tint
        return _bordered(inked, margin, white)

    return dress


def _bordered(picture: Image, margin: float, grey: float) -> Image:
    edge = round(margin * picture.shape[0])
    wide: Image = np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=grey)
    return wide


def _screen(chance: np.random.Generator) -> Callable[[Image], Image]:
    """A screen: its gamma and blue, moire of its pixels with the camera's, a reflection, a black bezel."""
    blue, gamma = chance.uniform([0.95, 0.95, 0.9], [1.15, 1.0, 1.0]), chance.uniform(0.8, 1.1)
    period, angle, depth = chance.uniform(3, 12), chance.uniform(0, np.pi), chance.uniform(0.01, 0.05)
    glare, spot, margin = chance.uniform(0, 60), chance.uniform(0.2, 0.8, 2), chance.uniform(0.02, 0.1)

    def dress(picture: Image) -> Image:
        rows, columns = picture.shape[:2]
        y, x = np.mgrid[0:rows, 0:columns]
        wave = 1 + depth * np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        light = glare * np.exp(-(((x / columns - spot[0]) / 0.25) ** 2) - ((y / rows - spot[1]) / 0.15) ** 2)
        lit = 255 * (picture / 255.0) ** gamma * blue * wave[..., None] + light[..., None]
        return _bordered(lit, margin, 18)

    return dress


def filmed(
    path: Path, size: tuple[int, int], face: Callable[[Image], tuple[float, float, float] | None]
) -> Draw | None:
    """A film seen through a camera that does not move: the part around its first face, from then on."""
    frames: list[Image] = []
    times: list[float] = []
    window: tuple[slice, slice] | None = None
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            image = frame.to_ndarray(format="bgr24")
            if window is None and (found := face(image)):
                x, y, width = found
                tall = min(image.shape[0], 3.2 * width)
                wide = min(image.shape[1], tall * size[0] / size[1])
                tall = wide * size[1] / size[0]
                left = round(min(max(0.0, x - wide / 2), image.shape[1] - wide))
                top = round(min(max(0.0, y - tall / 2), image.shape[0] - tall))
                window = slice(top, top + round(tall)), slice(left, left + round(wide))
            if window is not None and len(frames) < 300:
                frames.append(cv2.resize(image[window], size, interpolation=cv2.INTER_AREA))
                times.append(float(frame.time or 0.0))
    if len(frames) < 25:
        return None
    length = times[-1] - times[0]

    def draw(seconds: float) -> Image:
        """Forth and back, for as long as one looks."""
        there = seconds % (2 * length)
        at = times[0] + (there if there <= length else 2 * length - there)
        return frames[min(int(np.searchsorted(times, at)), len(frames) - 1)]

    return draw


def _middle(image: Image, size: tuple[int, int]) -> Image:
    """The largest part of the proportions of `size`."""
    height = min(image.shape[0], image.shape[1] * size[1] // size[0])
    top = (image.shape[0] - height) // 2
    return image[top : top + height]


def camera(draw: Draw, size: tuple[int, int], chance: np.random.Generator) -> Draw:
    """A plain webcam: soft, noisy, and its exposure wanders a little."""
    blur, noise, wander = chance.uniform(0.3, 0.9), chance.uniform(1.0, 4.0), chance.uniform(0, 0.02)

    def seen(seconds: float) -> Image:
        image = cv2.resize(_middle(np.clip(draw(seconds), 0, 255).astype(np.uint8), size), size)
        soft = cv2.GaussianBlur(image, (0, 0), blur) * (1 + wander * np.sin(1.7 * seconds))
        taken: Image = np.clip(soft + chance.normal(0, noise, soft.shape), 0, 255).astype(np.uint8)
        return taken

    return seen


def write(draw: Draw, folder: Path, seconds: float, every: int, fps: float = 25.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0, int(seconds * fps), every):
        image = draw(number / fps)
        cv2.imwrite(str(folder / f"frame-{number:05d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 85])


def chosen(photos: Path, seed: int, count: int) -> Iterator[tuple[str, Image]]:
    """Pictures of people whose name's checksum has the parity of `seed`: those for development and for validation
    are never the same."""
    import zipfile

    with zipfile.ZipFile(photos) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith("_0001.jpg"))
        fitting = [name for name in names if zlib.crc32(Path(name).name.encode()) % 2 == seed % 2]
        for name in np.random.default_rng(seed).choice(fitting, count, replace=False):
            image = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            yield Path(name).stem, image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("films", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 240))
    parser.add_argument("--every", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    make(options)


def make(options: argparse.Namespace) -> None:
    from edge import models
    from edge.faces import Vision
    from edge.picture import Bgr

    vision = Vision(models.load("zoo", options.models))

    def face(image: Image) -> tuple[float, float, float] | None:
        found = vision.detect(Bgr(image), min(640, image.shape[1]))
        if not found:
            return None
        best = max(found, key=lambda each: each.width)
        return best.x + best.width / 2, best.y + best.height / 2, best.width

    chance = np.random.default_rng(options.seed)
    size, out = tuple(options.size), options.out
    sources: dict[str, Draw] = {}
    for path in options.films:
        if draw := filmed(path, size, face):
            sources[path.stem] = draw
    for name, photo in chosen(options.photos, options.seed, options.people):
        square = cv2.resize(photo[20:230, 20:230], (480, 480), interpolation=cv2.INTER_CUBIC)
        if at := face(square):
            sources[name] = living(square, at, chance, chance.uniform(0.01, 0.04))
    scenes = [image for _, image in chosen(options.photos, options.seed + 2, 5)]
    for name, draw in sources.items():
        write(camera(draw, size, chance), out / "live" / name, options.seconds, options.every)
        for label, species in SPECIES.items():
            scene = cv2.GaussianBlur(cv2.resize(scenes[int(chance.integers(5))], size), (0, 0), 1.5)
            plane = shown(draw, species, scene, chance.uniform(0.75, 1.3), chance)
            write(camera(plane, size, chance), out / "attack" / label / name, options.seconds, options.every)


if __name__ == "__main__":
    main()
