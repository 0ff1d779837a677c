"""Enrolment: photos of one person become a sealed record, if each shows one good face and the person is new."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge import capture
from edge.doubles import Doubles
from edge.enrolled import REDUNDANT, Applicant, Person
from edge.errors import PhotoError, Phrase
from edge.faces import Face, Vision
from edge.i18n import N_
from edge.matcher import Vector
from edge.photos import Decoder, content
from edge.picture import Bgr, Image, Picture
from edge.quality import ENROLMENT, Shortcoming
from edge.still import WIDTHS
from edge.whitelist import Whitelist

MOST_PHOTOS = 8
NEAR = 0.5
"""A face of less than so much of the size of the largest is somebody in the background."""
TURNED = 0.02
"""A face that is found by so much more certainly in the picture turned lies on its side or stands on its head."""
FAULTS = {
    Shortcoming.TOO_SMALL: N_(
        "the face is too small, {pixels:.0f} pixels between the eyes; {least:.0f} are needed: take it from nearer"
    ),
    Shortcoming.TURNED_AWAY: N_("the face is turned away; look into the camera"),
    Shortcoming.LOOKS_UP_OR_DOWN: N_("the face looks up or down; look into the camera"),
    Shortcoming.TOO_DARK: N_("the face is too dark; take it where there is light"),
    Shortcoming.TOO_BRIGHT: N_("the face is too bright; avoid flash and glaring light"),
    Shortcoming.BLURRED: N_("the face is blurred; hold still and let the camera focus"),
    Shortcoming.EYES_COVERED: N_("the eyes are covered; take off dark glasses, and keep hair and hands away"),
    Shortcoming.MOUTH_COVERED: N_("mouth and nose are covered; take off the mask or scarf"),
}


class Portrait(NamedTuple):
    """A photo that can be used; `reserve` as in `QualityGate.reserve`."""

    path: Path
    template: NDArray[np.float32]
    reserve: float


class Looked(NamedTuple):
    """What photos are worth: the good ones, and why the others are of no use."""

    portraits: list[Portrait]
    refused: list[PhotoError]


class LeftOut(Struct, frozen=True):
    """A photo that adds nothing to a better one, with how alike their templates are."""

    photo: str
    like: str
    score: float


class Enrolled(NamedTuple):
    person: Person
    left_out: list[LeftOut]


class Register(Protocol):
    """A list that people can be put on: this machine's, or the desk's that is asked for it."""

    def follow(self) -> int:
        """Take in what has changed; the list's revision."""

    def numbered(self, number: str) -> Person | None:
        """Who has this number."""

    def admit(self, applicant: Applicant, templates: Vector) -> Person:
        """Record an applicant with templates (n, D), unit rows; RefusedError when number or face is somebody's."""


class Registrar:
    """The one way onto a list; to be used with `with`. Its register may keep the list in memory."""

    def __init__(self, vision: Vision, register: Register, fpir: float) -> None:
        """`fpir` is the site's wanted false-positive identification rate."""
        self.vision, self.register = vision, register
        self._alike = vision.pack.manifest.calibration.score_at(fpir)
        self._decoder = Decoder()

    @classmethod
    def of(cls, vision: Vision, whitelist: Whitelist, fpir: float) -> Self:
        """Onto the list of this machine."""
        return cls(vision, Doubles(whitelist, vision.pack.manifest, fpir), fpir)

    @property
    def standard(self) -> tuple[str, float]:
        """What faces are judged by: the pack, and how alike those of one person are."""
        return self.vision.pack.manifest.id, self._alike

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.__exit__()

    def look(self, paths: Sequence[Path]) -> Looked:
        """The template of the one good face in each photo; those beyond the most that count are not looked at."""
        portraits: list[Portrait] = []
        refused: list[PhotoError] = []
        for path in paths:
            try:
                if len(portraits) == MOST_PHOTOS:
                    hint = "leave it out"
                    text = "{path}: there are {most} good photos already"
                    raise PhotoError(text, hint, path=path, most=MOST_PHOTOS, reason="too_many")
                portraits.append(portrait(path, self._decoder.image(path, content(path)), self.vision))
            except PhotoError as error:
                refused.append(error)
        return Looked(portraits, refused)

    def watch(self, film: Path) -> list[Portrait]:
        """The best of what a short film shows of one person; PhotoError tells what is wrong most often."""
        portraits: list[Portrait] = []
        refused: list[PhotoError] = []
        for at, image in capture.pictures(film):
            try:
                portraits.append(portrait(Path(f"{film} ({at:.1f} s)"), image, self.vision))
            except PhotoError as error:
                refused.append(error)
        if not portraits:
            often = Counter(error.reason for error in refused)
            raise max(refused, key=lambda error: often[error.reason])
        return sorted(distinct(portraits)[0], key=lambda each: -each.reserve)[:MOST_PHOTOS]

    def admit(self, applicant: Applicant, portraits: list[Portrait]) -> Enrolled:
        """Record whom these portraits show, without those that add nothing; RefusedError when they show several
        people, or one who is enrolled and not, as the applicant says, `another`.
        """
        portraits, left_out = distinct(portraits)
        _same_person(portraits, self._alike)
        templates = np.stack([each.template for each in portraits])
        return Enrolled(self.register.admit(applicant, templates), left_out)


def enroll(paths: Sequence[Path], applicant: Applicant, registrar: Registrar) -> Enrolled:
    """Record the person on these photos, one to eight of them, all of which must be good; or on one short film.

    PhotoError tells which photo is of no use and why, or that they show several people; RefusedError that the person
    or the number is enrolled already.
    """
    if not 1 <= len(paths) <= MOST_PHOTOS:
        raise PhotoError("{count} photos were given; one to {most} are needed", count=len(paths), most=MOST_PHOTOS)
    if len(paths) == 1 and capture.is_film(paths[0]):
        return registrar.admit(applicant, registrar.watch(paths[0]))
    portraits, refused = registrar.look(paths)
    for error in refused:
        raise error
    return registrar.admit(applicant, portraits)


def distinct(portraits: Sequence[Portrait]) -> tuple[list[Portrait], list[LeftOut]]:
    """The portraits without those that show what a better one shows, and those; the others keep their order."""
    kept: list[Portrait] = []
    left_out: list[LeftOut] = []
    for each in sorted(portraits, key=lambda portrait: -portrait.reserve):
        scores = [float(each.template @ other.template) for other in kept]
        if scores and max(scores) >= REDUNDANT:
            like = kept[int(np.argmax(scores))]
            left_out.append(LeftOut(str(each.path), str(like.path), max(scores)))
        else:
            kept.append(each)
    return [each for each in portraits if any(each is one for one in kept)], left_out


def portrait(path: Path, image: Image, vision: Vision) -> Portrait:
    """The template of the one good face in a photo; PhotoError tells why there is none."""
    picture = Bgr(image)
    width, faces = _faces(picture, vision)
    face = _only_face(path, faces)
    quality = vision.quality(picture, face)
    if fault := ENROLMENT.shortcoming(quality):
        said = Phrase(FAULTS[fault], pixels=quality.eye_distance_px, least=ENROLMENT.least_eye_distance_px)
        raise PhotoError("{path}: {fault}", path=path, fault=said, reason=fault.value)
    if not _upright(image, face, width, vision):
        hint = "turn it until the head is up, and save it so"
        raise PhotoError("{path}: the picture does not stand upright", hint, path=path, reason="not_upright")
    return Portrait(path, vision.embed(picture, face), ENROLMENT.reserve(quality))


def _faces(picture: Picture, vision: Vision) -> tuple[int, list[Face]]:
    """How wide the picture was searched when faces were found, and these."""
    searches = ((width, vision.detect(picture, width)) for width in WIDTHS)
    return next((found for found in searches if found[1]), (WIDTHS[-1], []))


def _upright(image: Image, face: Face, width: int, vision: Vision) -> bool:
    """Whether the face is found no better when the picture is turned by a quarter, a half or three quarters.

    A detector finds nine of ten faces that stand on their heads, less certainly, and marks them as if they did not:
    what is embedded then is like nobody, and the person could be enrolled twice.
    """
    turned = (Bgr(np.ascontiguousarray(np.rot90(image, quarter))) for quarter in (1, 2, 3))
    scale = width / image.shape[1]
    others = (other for picture in turned for other in vision.detect(picture, round(scale * picture.width)))
    return all(other.score < face.score + TURNED for other in others if other.width >= NEAR * face.width)


def _only_face(path: Path, faces: list[Face]) -> Face:
    """The face that is large; people far behind it are not meant."""
    if not faces:
        hint = "take it from the front, in good light"
        raise PhotoError("{path}: no face was found", hint, path=path, reason="no_face")
    largest = max(face.eye_distance_px for face in faces)
    near = [face for face in faces if face.eye_distance_px >= NEAR * largest]
    if len(near) > 1:
        text, hint = "{path}: {count} faces were found", "crop it to the one person that is enrolled"
        raise PhotoError(text, hint, path=path, count=len(near), reason="several_faces")
    return near[0]


def _same_person(portraits: list[Portrait], at_least: float) -> None:
    """Every photo must match the one that is most like all of them."""
    templates = np.stack([each.template for each in portraits])
    scores = templates @ templates.T
    middle = int(scores.sum(axis=0).argmax())
    worst = int(scores[middle].argmin())
    if scores[middle, worst] < at_least:
        text, hint = (
            "{path} shows somebody else than {other}",
            "enrol one person at a time; leave the photo out if it is the same person",
        )
        path, other = portraits[worst].path, portraits[middle].path
        raise PhotoError(text, hint, path=path, other=other, reason="somebody_else")
