"""The rows of a whitelist: what stands in clear, what is sealed, and what people may see of them."""

import secrets
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.matcher import Gallery, Vector
from edge.records import Content, Head
from edge.terms import Permit

REDUNDANT = 0.94
"""Templates as alike as this show the same moment: a photo that is scaled, turned, darkened or saved anew is above it
in more than 95 of 100 cases, another photo of the person in none of 80 (docs/decisions/0037)."""

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
"""For person ids: nothing that is mistaken for something else when read aloud or typed."""


class Standing(StrEnum):
    ENROLLED = "enrolled"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ERASED = "erased"  # nothing is left but the id, so that what gates confirm has a place
    DAMAGED = "damaged"  # the record does not open: changed, moved, or another key


class Consent(Struct, frozen=True):
    """On what grounds a person is enrolled: the consent's reference, the purpose, and the last day it is kept for."""

    reference: str
    purpose: str
    retain_until: date


class Bounds(Struct, frozen=True):
    """Where and when a person may pass, as in `edge.terms.Permit`; `host` is whom a visitor is tied to."""

    levels: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    host: str = ""
    with_pass: bool = False


UNBOUNDED = Bounds()


class Refreshing(Struct, frozen=True):
    """How templates may be refreshed: so many a person beside those of the enrolment, so many seconds apart."""

    every_s: float
    most: int


class Applicant(Struct, frozen=True):
    """Who is to be enrolled, and on what grounds.

    `number` is what the site itself knows them by, a personnel number say, and belongs to one person; it may be empty.
    `another` is why they are another person although their face is enrolled already: a twin.
    """

    name: str
    consent: Consent
    number: str = ""
    bounds: Bounds = Bounds()
    another: str = ""


class Person(Struct, frozen=True):
    """One record as people may see it: never a template. `name` is empty when the record is damaged."""

    id: str
    number: str
    name: str
    standing: Standing
    templates: int
    pack: str
    consent: str
    purpose: str
    retain_until: date
    enrolled_at: datetime
    revoked_at: datetime | None
    revision: int
    bounds: Bounds
    another: str
    pin: bool = False
    """Whether they have a PIN."""
    duress: bool = False
    """Whether they have one for when they are threatened."""
    card: str = ""


class Selection(NamedTuple):
    """What one pack can match today, what was left out and why, and the first day on which that is less."""

    gallery: Gallery
    left_out: tuple[StoreError, ...]
    last_day: date | None
    permits: dict[str, Permit]


class Row(Struct, frozen=True):
    """The clear part of a row, in the order of FIELDS; all of it is authenticated by the seal."""

    id: str
    revision: int
    pack: str
    consent: str
    purpose: str
    retain_until: date
    enrolled_at: datetime
    revoked_at: datetime | None = None


class Secret(Struct, frozen=True):
    """The sealed part: `templates` are float32, little-endian, `dimension` a row."""

    name: str
    dimension: int
    templates: bytes
    bounds: Bounds = Bounds()
    refreshed: tuple[float, ...] = ()
    """When each of the last templates was added at the gate (UTC seconds); the others are of the enrolment."""
    number: str = ""
    another: str = ""
    pin: str = ""
    """What `edge.pins.stretched` keeps of the PIN, and of the one under duress."""
    duress: str = ""
    card: str = ""


SEALED = ("name", "number", "bounds", "pin", "duress", "card")
"""What may be changed of the sealed part."""


class Edit(Struct, frozen=True):
    """What is to be changed of a record; None leaves it."""

    name: str | None = None
    number: str | None = None
    consent: str | None = None
    purpose: str | None = None
    retain_until: date | None = None
    bounds: Bounds | None = None
    pin: str | None = None
    duress: str | None = None
    card: str | None = None

    def of(self, record: Row, secret: Secret) -> tuple[Row, Secret]:
        """The record as it is to be."""
        clear = {name: getattr(self, name) for name in ("consent", "purpose", "retain_until")}
        sealed = {name: getattr(self, name) for name in SEALED}
        return structs.replace(record, **_given(clear)), structs.replace(secret, **_given(sealed))


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def refreshed(
    record: Row, secret: Secret, template: NDArray[np.float32], sure: float, bounds: Refreshing, now: float
) -> Secret | None:
    """The record with one more template, in the place of the oldest that was added when there are enough; or None.

    None when the last change is too recent, the template adds nothing, or it does not match one of the enrolment.
    """
    rows = vectors(secret)
    own, since = len(rows) - len(secret.refreshed), max([record.enrolled_at.timestamp(), *secret.refreshed])
    scores = rows @ template if rows.shape[1:] == template.shape else np.zeros(1)
    if now - since < bounds.every_s or scores.max() >= REDUNDANT or scores[:own].max() < sure:
        return None
    kept = max(0, len(secret.refreshed) + 1 - bounds.most)
    matrix = np.vstack([rows[:own], rows[own + kept :], template])
    times = (*secret.refreshed[kept:], now)
    return structs.replace(secret, templates=matrix.astype("<f4").tobytes(), refreshed=times)


def record_of(applicant: Applicant, revision: int, pack: str, templates: Vector) -> tuple[Row, Secret]:
    """A new record of an applicant with templates (n, D) of `pack`, under an id that nobody has."""
    row = Row(
        id="".join(secrets.choice(ALPHABET) for _ in range(8)),
        revision=revision,
        pack=pack,
        consent=applicant.consent.reference,
        purpose=applicant.consent.purpose,
        retain_until=applicant.consent.retain_until,
        enrolled_at=datetime.now(UTC),
    )
    secret = Secret(
        applicant.name,
        templates.shape[1],
        templates.astype("<f4").tobytes(),
        bounds=applicant.bounds,
        number=applicant.number,
        another=applicant.another,
    )
    return row, secret


def recovered(
    head: Head, content: Content, revision: int, before: Row | None, known: Secret | None
) -> tuple[Row, Secret]:
    """The record that was issued as `head` and `content`; names and numbers are those of `known`, or lost."""
    since = before.enrolled_at if before else datetime.now(UTC)
    row = Row(head.id, revision, head.pack, content.consent, content.purpose, content.retain_until, since)
    bounds = Bounds(content.levels, content.valid_from, content.valid_until, content.host, content.with_pass)
    rest = known or Secret("", 0, b"")
    templates = {"dimension": content.dimension, "templates": content.templates}
    codes = {"pin": content.pin, "duress": content.duress, "card": content.card}
    return row, structs.replace(rest, bounds=bounds, **templates, **codes)


def erased(record: Row) -> bool:
    """Nobody is enrolled without grounds, so a record without them is what an erased one left."""
    return not record.consent


def standing_of(record: Row, today: date) -> Standing:
    if erased(record):
        return Standing.ERASED
    if record.revoked_at:
        return Standing.REVOKED
    return Standing.EXPIRED if record.retain_until < today else Standing.ENROLLED


def person_of(record: Row, secret: Secret | None, today: date) -> Person:
    return Person(
        id=record.id,
        number=secret.number if secret else "",
        name=secret.name if secret else "",
        standing=standing_of(record, today) if secret else Standing.DAMAGED,
        templates=len(vectors(secret)) if secret else 0,
        pack=record.pack,
        consent=record.consent,
        purpose=record.purpose,
        retain_until=record.retain_until,
        enrolled_at=record.enrolled_at,
        revoked_at=record.revoked_at,
        revision=record.revision,
        bounds=secret.bounds if secret else Bounds(),
        another=secret.another if secret else "",
        pin=bool(secret and secret.pin),
        duress=bool(secret and secret.duress),
        card=secret.card if secret else "",
    )


def vectors(secret: Secret) -> Vector:
    return np.frombuffer(secret.templates, "<f4").reshape(-1, max(secret.dimension, 1))


def permit_of(person: str, secret: Secret) -> Permit:
    """What the gate is told of a person."""
    bounds = secret.bounds
    return Permit(
        person, bounds.levels, bounds.valid_from, bounds.valid_until, secret.pin, secret.duress,
        with_pass=bounds.with_pass, card=secret.card,
    )  # fmt: skip


def told_of(record: Row, secret: Secret) -> tuple[dict[str, str], dict[str, str]]:
    """What the journal says of a record: grounds and bounds, what is personal apart, and never a template."""
    bounds = secret.bounds
    details = {
        "revision": record.revision,
        "templates": len(vectors(secret)),
        "pack": record.pack,
        "purpose": record.purpose,
        "retain_until": record.retain_until,
        "levels": ", ".join(bounds.levels),
        "valid_from": bounds.valid_from,
        "valid_until": bounds.valid_until,
        "pin": "set" if secret.pin else "",
    }
    personal = {
        "name": secret.name,
        "consent": record.consent,
        "host": bounds.host,
        "number": secret.number,
        "another": secret.another,
        "card": secret.card,
    }
    return {name: str(value) for name, value in details.items() if value not in (None, "", 0)}, personal
