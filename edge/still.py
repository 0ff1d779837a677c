"""Faces of still pictures, which may be of any size and show their person at any distance."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import structs

from edge.collection import Collection
from edge.errors import PhotoError
from edge.faces import Face, Vision
from edge.matcher import Vector
from edge.picture import Bgr, Picture

WIDTHS = (640, 1280, 320)
"""How wide a copy is searched for faces, in this order: a face may be small in the picture, or fill it."""
MOST_PIXELS = 4_000_000
"""Of a copy; that of a long picture is less wide."""

Advance = Callable[[int, int], None]
"""Told how many pictures are done, and how many there are."""


class Templates(NamedTuple):
    """The template of each picture in which a face was found, and how many of the others could not be read."""

    found: dict[str, Vector]
    unreadable: int


def templates(collection: Collection, names: Sequence[str], vision: Vision, advance: Advance) -> Templates:
    """Each picture once: the template of the face that it was taken for."""
    found: dict[str, Vector] = {}
    unreadable = 0
    for done, name in enumerate(names):
        advance(done, len(names))
        try:
            picture = Bgr(collection.image(name))
        except PhotoError:
            unreadable += 1
            continue
        if face := principal(search(vision, picture), picture):
            found[name] = vision.embed(picture, face)
    advance(len(names), len(names))
    return Templates(found, unreadable)


def search(vision: Vision, picture: Picture) -> list[Face]:
    """The faces of the first of these searches that finds any, best first, in pixels of `picture`.

    A picture that is smaller is made larger first: a detector finds most and marks best what fills its cells.
    """
    for width in WIDTHS:
        if found := _at(vision, picture, width):
            return found
    return []


def principal(faces: list[Face], picture: Picture) -> Face | None:
    """The face that the picture was taken for: large, and in the middle.

    Its area less twice the square of its distance from the middle is largest, as in the usual preparation of face
    data sets (facenet, align_dataset_mtcnn.py).
    """

    def weight(face: Face) -> float:
        across = face.x + (face.width - picture.width) / 2
        down = face.y + (face.height - picture.height) / 2
        return face.width * face.height - 2 * (across**2 + down**2)

    return max(faces, key=weight, default=None)


def _at(vision: Vision, picture: Picture, width: int) -> list[Face]:
    width = min(width, int((MOST_PIXELS * picture.width / picture.height) ** 0.5))
    factor = width / picture.width
    if factor <= 1:
        return vision.detect(picture, width)
    enlarged = Bgr(picture.scaled(width, round(picture.height * factor)))
    return [_moved(face, 1 / factor) for face in vision.detect(enlarged, width)]


def _moved(face: Face, factor: float) -> Face:
    x, y, width, height = (side * factor for side in (face.x, face.y, face.width, face.height))
    return structs.replace(face, x=x, y=y, width=width, height=height, landmarks=face.landmarks * factor)
