"""From a picture to faces, and from a face to its quality, its liveness and its embedding."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from edge.detectors import Face as Face
from edge.detectors import detector
from edge.network import Network, Observer, Tensor
from edge.packs import NetworkSpec, Pack
from edge.picture import Image, Matrix, Picture
from edge.terms import Quality

HEAD = np.array([[-32, -33, 28], [32, -33, 28], [0, 0, 0], [-25, 31, 24], [25, 31, 24]], np.float64)
"""Where the landmarks are on a mean head: millimetres right, down and away from the camera, nose tip at 0."""

UPRIGHT_SIZE = (80, 80)
UPRIGHT = ((24.0, 28.0), (56.0, 28.0), (40.0, 46.0), (27.0, 64.0), (53.0, 64.0))
"""Where quality wants the landmarks: detail is judged at 32 pixels between the eyes, as embedders see it."""

EYES, MOUTH, FACE = ((24, 33, 16, 32), (24, 33, 48, 64)), (56, 72, 26, 54), (16, 76, 16, 64)
"""Rows and columns of the upright face: `Quality.eyes` and `Quality.mouth` compare the contrast in them."""

POSE = np.linalg.pinv(np.column_stack([HEAD, np.ones(5)]))


class Seen(NamedTuple):
    """What the networks make of one view of a face."""

    embedding: Tensor
    """The unit vectors of all embedders side by side, again of unit length: (dimension,) float32.

    So the dot product of two is the mean of the networks' cosines.
    """
    appearance: tuple[float, ...]
    """The probability of a living face, from each of the pack's liveness networks."""


class Vision:
    """The networks of one pack, loaded. Not for several threads at once."""

    def __init__(self, pack: Pack, threads: int = 1, observer: Observer | None = None) -> None:
        """ModelError when a file is missing or not what the manifest says."""
        cv2.setNumThreads(threads)
        loaded = [Network(spec, pack.read(spec), threads, observer) for spec in pack.manifest.network]
        self.pack = pack
        networks = {network.spec.role: network for network in loaded}
        self._detector, self._wary = detector(networks), detector(networks, wary=True)
        self._embedders = [network for network in loaded if network.spec.role == "embedder"]
        self._liveness = [network for network in loaded if network.spec.role == "liveness"]

    @property
    def has_liveness(self) -> bool:
        return bool(self._liveness)

    @property
    def dimension(self) -> int:
        return self.pack.manifest.dimension

    def detect(self, picture: Picture, width: int) -> list[Face]:
        """Faces in pixels of `picture`, best first, searched in a copy that is `width` pixels wide."""
        return self._detector.detect(picture, min(width, picture.width))

    def suspects(self, picture: Picture, width: int) -> list[Face]:
        """As `detect`, but whatever might be a face, and so much that is none."""
        return self._wary.detect(picture, min(width, picture.width))

    def quality(self, picture: Picture, face: Face) -> Quality:
        """How good the face is; yaw and pitch in degrees, positive to the right of and up the picture.

        `sharpness` is the standard deviation of the Laplacian over that of the luma, on the aligned crop: about
        0.4 for a crisp face, 0.1 for a blurred or tiny one, whatever the light. `brightness` is mean luma, 0 to 1.
        """
        luma = picture.luma(similarity(face.landmarks, UPRIGHT), UPRIGHT_SIZE)
        mean, deviation = cv2.meanStdDev(luma)
        detail = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))[1]
        yaw, pitch = pose(face.landmarks)
        contrast = max(1.0, _contrast(luma, FACE))
        return Quality(
            eye_distance_px=face.eye_distance_px,
            sharpness=float(detail[0, 0] / max(deviation[0, 0], 1.0)),
            yaw=yaw,
            pitch=pitch,
            brightness=float(mean[0, 0]) / 255,
            eyes=min(_contrast(luma, eye) for eye in EYES) / contrast,
            mouth=_contrast(luma, MOUTH) / contrast,
        )

    def view(self, picture: Picture, face: Face) -> Seen:
        """Embedding and appearance of a face.

        Every crop is cut before the first network runs, which leaves neither picture nor code in the caches.
        """
        face = self._detector.refine(picture, face)
        upright, around = self._upright(picture, face), self._around(picture, face)
        return Seen(self._embedding(upright), self._appearance(around))

    def embed(self, picture: Picture, face: Face) -> Tensor:
        """As `view`, the embedding alone."""
        return self._embedding(self._upright(picture, self._detector.refine(picture, face)))

    def liveness(self, picture: Picture, face: Face) -> tuple[float, ...]:
        """As `view`, the appearance alone."""
        return self._appearance(self._around(picture, face))

    def _upright(self, picture: Picture, face: Face) -> list[Tensor]:
        return [_upright(picture, face, network.spec) for network in self._embedders]

    def _around(self, picture: Picture, face: Face) -> list[Tensor]:
        return [_around(picture, face, network.spec) for network in self._liveness]

    def _embedding(self, crops: list[Tensor]) -> Tensor:
        return _unit(np.concatenate([_embedded(*each) for each in zip(self._embedders, crops, strict=True)]))

    def _appearance(self, crops: list[Tensor]) -> tuple[float, ...]:
        return tuple(_live(*each) for each in zip(self._liveness, crops, strict=True))


def similarity(landmarks: Matrix, template: Sequence[tuple[float, float]]) -> Matrix:
    """The rotation, scale and shift (2, 3) that takes landmarks (n, 2) nearest to the template.

    Least squares in closed form, with points as complex numbers: Umeyama's solution in the plane.
    """
    source, target = [complex(*point) for point in landmarks.tolist()], [complex(*point) for point in template]
    middle, aim = sum(source) / len(source), sum(target) / len(target)
    product = sum((point - middle).conjugate() * (to - aim) for point, to in zip(source, target, strict=True))
    turn = product / sum(abs(point - middle) ** 2 for point in source)
    shift = aim - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float32)


def pose(landmarks: Matrix) -> tuple[float, float]:
    """Yaw and pitch in degrees from landmarks (5, 2): an affine camera fitted to a mean head, good to about ten."""
    (a, d), (b, e), (c, f) = (POSE[:3] @ landmarks).tolist()  # how each of the head's axes is seen
    across, down = math.hypot(a, b, c), math.hypot(d, e, f)
    ahead = (a * e - b * d) / (across * down)
    return math.degrees(math.atan2(-c / across, ahead)), math.degrees(math.atan2(f / down, ahead))


def _contrast(luma: Image, area: tuple[int, int, int, int]) -> float:
    top, bottom, left, right = area
    return float(cv2.meanStdDev(luma[top:bottom, left:right])[1][0, 0])


def _upright(picture: Picture, face: Face, spec: NetworkSpec) -> Tensor:
    return _tensor(picture.warped(similarity(face.landmarks, spec.template), spec.size), spec)


def _around(picture: Picture, face: Face, spec: NetworkSpec) -> Tensor:
    return _tensor(
        picture.warped(_surroundings(picture, face, spec), spec.size, smooth=False), spec
    )  # as it was trained


def _embedded(network: Network, crop: Tensor) -> Tensor:
    """The unit vector of one embedder, the mean with that of the mirror image where the pack wants it."""
    vector = _unit(network.run(crop)[0][0])
    if not network.spec.mirrored:
        return vector
    return _unit(vector + _unit(network.run(np.ascontiguousarray(crop[..., ::-1]))[0][0]))


def _live(network: Network, crop: Tensor) -> float:
    logits: list[float] = network.run(crop)[0][0].tolist()
    largest = max(logits)
    shares = [math.exp(logit - largest) for logit in logits]
    return shares[network.spec.live_class] / sum(shares)


def _surroundings(picture: Picture, face: Face, spec: NetworkSpec) -> Matrix:
    """The box made `crop` times larger as far as the picture reaches, moved inside it, stretched to the input."""
    factor = min(spec.crop, (picture.width - 1) / face.width, (picture.height - 1) / face.height)
    width, height = face.width * factor, face.height * factor
    left = min(max(0.0, face.x + (face.width - width) / 2), picture.width - 1 - width)
    top = min(max(0.0, face.y + (face.height - height) / 2), picture.height - 1 - height)
    across, down = spec.size[0] / width, spec.size[1] / height
    shift = (0.5 - left) * across - 0.5, (0.5 - top) * down - 0.5
    return np.array([[across, 0, shift[0]], [0, down, shift[1]]], np.float32)


def _tensor(image: Image, spec: NetworkSpec) -> Tensor:
    """(1, 3, h, w) as the network wants it."""
    return cv2.dnn.blobFromImage(image, spec.scale, mean=(spec.mean,) * 3, swapRB=spec.order == "rgb")  # type: ignore[return-value]


def _unit(vector: Tensor) -> Tensor:
    return vector / math.sqrt(vector @ vector)
