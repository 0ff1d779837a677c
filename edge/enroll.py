"""Enrolment: photos of one person become a sealed record, if each shows one good face and the person is new."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge import photos
from edge.enrolled import REDUNDANT, Bounds, Consent, Person
from edge.errors import PhotoError, Phrase, StoreError
from edge.faces import Face, Vision
from edge.i18n import N_
from edge.matcher import Gallery
from edge.picture import Bgr, Picture
from edge.quality import ENROLMENT, Shortcoming
from edge.still import WIDTHS
from edge.whitelist import NONE, Whitelist

MOST_PHOTOS = 8
FAULTS = {
    Shortcoming.TOO_SMALL: N_(
        "the face is too small, {pixels:.0f} pixels between the eyes; {least:.0f} are needed: take it from nearer"
    ),
    Shortcoming.TURNED_AWAY: N_("the face is turned away; look into the camera"),
    Shortcoming.LOOKS_UP_OR_DOWN: N_("the face looks up or down; look into the camera"),
    Shortcoming.TOO_DARK: N_("the face is too dark; take it where there is light"),
    Shortcoming.TOO_BRIGHT: N_("the face is too bright; avoid flash and glaring light"),
    Shortcoming.BLURRED: N_("the face is blurred; hold still and let the camera focus"),
}


class Portrait(NamedTuple):
    """A photo that can be used; `reserve` as in `QualityGate.reserve`."""

    path: Path
    template: NDArray[np.float32]
    reserve: float


class LeftOut(Struct, frozen=True):
    """A photo that adds nothing to a better one, with how alike their templates are."""

    photo: str
    like: str
    score: float


class Enrolled(NamedTuple):
    person: Person
    left_out: list[LeftOut]


def enroll(
    paths: Sequence[Path],
    name: str,
    consent: Consent,
    vision: Vision,
    whitelist: Whitelist,
    fpir: float,
    today: date,
    bounds: Bounds = NONE,
) -> Enrolled:
    """Record the person on these photos, one to eight of them; those that add nothing are left out.

    PhotoError tells which photo is of no use and why, or that they show several people; StoreError that the person
    is enrolled already. `fpir` is the site's wanted false-positive identification rate; `bounds` says
    where and when they may pass.
    """
    if not 1 <= len(paths) <= MOST_PHOTOS:
        raise PhotoError("{count} photos were given; one to {most} are needed", count=len(paths), most=MOST_PHOTOS)
    manifest = vision.pack.manifest
    portraits, left_out = distinct([portrait(path, vision) for path in paths])
    _same_person(portraits, manifest.calibration.score_at(fpir))
    gallery = whitelist.gallery(manifest.id, today).gallery
    at_least = gallery.strangers(manifest.calibration, fpir).threshold(fpir)
    _new_person(portraits, gallery, at_least, whitelist, today)
    templates = np.stack([each.template for each in portraits])
    return Enrolled(whitelist.enroll(name, consent, manifest.id, templates, bounds), left_out)


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


def portrait(path: Path, vision: Vision) -> Portrait:
    """The template of the one good face in a photo."""
    picture = Bgr(photos.read(path))
    face = _only_face(path, picture, vision)
    quality = vision.quality(picture, face)
    if fault := ENROLMENT.shortcoming(quality):
        said = Phrase(FAULTS[fault], pixels=quality.eye_distance_px, least=ENROLMENT.least_eye_distance_px)
        raise PhotoError("{path}: {fault}", path=path, fault=said)
    return Portrait(path, vision.embed(picture, face), ENROLMENT.reserve(quality))


def _only_face(path: Path, picture: Picture, vision: Vision) -> Face:
    searches = (vision.detect(picture, width) for width in WIDTHS)
    faces = next((found for found in searches if found), [])
    if not faces:
        raise PhotoError("{path}: no face was found", "take it from the front, in good light", path=path)
    if len(faces) > 1:
        hint = "crop it to the one person that is enrolled"
        raise PhotoError("{path}: {count} faces were found", hint, path=path, count=len(faces))
    return faces[0]


def _same_person(portraits: list[Portrait], at_least: float) -> None:
    """Every photo must match the one that is most like all of them."""
    templates = np.stack([each.template for each in portraits])
    scores = templates @ templates.T
    middle = int(scores.sum(axis=0).argmax())
    worst = int(scores[middle].argmin())
    if scores[middle, worst] < at_least:
        hint = "enrol one person at a time; leave the photo out if it is the same person"
        text = "{path} shows somebody else than {other}"
        raise PhotoError(text, hint, path=portraits[worst].path, other=portraits[middle].path)


def _new_person(
    portraits: list[Portrait], gallery: Gallery, at_least: float, whitelist: Whitelist, today: date
) -> None:
    for each in portraits:
        if found := gallery.search(each.template, at_least):
            name = next(person.name for person in whitelist.people(today) if person.id == found.person)
            hint = "to renew the record, first: edge-gate revoke {person}"
            raise StoreError("this face is already enrolled as {person} {name}", hint, person=found.person, name=name)
