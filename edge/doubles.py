"""Who of a list has a face already: 1:N over everybody whose templates are kept, whatever their standing.

Follows the list as it changes, so that whoever enrols ten thousand people reads each record once.
"""

from datetime import date

import numpy as np
from msgspec import structs

from edge.complaints import OvertakenError, face_known, none_opens, number_taken
from edge.enrolled import Applicant, Person, Row, Secret, Standing, person_of, vectors
from edge.matcher import Strangers, Vector
from edge.packs import Manifest
from edge.shelf import Shelf
from edge.whitelist import Whitelist


class Doubles:
    """The people of `whitelist`, comparable by the pack of `manifest`; `fpir` is what the site wants."""

    def __init__(self, whitelist: Whitelist, manifest: Manifest, fpir: float) -> None:
        self._whitelist, self._manifest, self._fpir = whitelist, manifest, fpir
        self._shelf, self._revision = Shelf(manifest.dimension), 0
        self._people: dict[str, Person] = {}
        self._numbers: dict[str, str] = {}

    def follow(self) -> int:
        """Take in what has changed; the list's revision. StoreError when nothing in it opens."""
        revision, changes = self._whitelist.changes(self._revision)
        if self._revision == 0 and changes and not any(secret for _, secret in changes):
            raise none_opens(self._whitelist.path, [row.id for row, _ in changes])
        for row, secret in changes:
            self._take(row, secret)
        self._revision = revision
        return revision

    def _take(self, row: Row, secret: Secret | None) -> None:
        person = person_of(row, secret, row.retain_until)
        if before := self._people.get(row.id):
            self._numbers.pop(before.number, None)
        self._people[row.id] = person
        if person.number:
            self._numbers[person.number] = row.id
        if secret and person.templates and row.pack == self._manifest.id:
            self._shelf.put(row.id, vectors(secret))
        else:
            self._shelf.remove(row.id)

    def everybody(self, today: date) -> list[Person]:
        """All records as they stand today, in the order of enrolment."""
        people = sorted(self._people.values(), key=lambda each: (each.enrolled_at, each.id))
        return [_standing(each, today) for each in people]

    def person(self, person: str, today: date) -> Person | None:
        """One record as it stands today."""
        return _standing(found, today) if (found := self._people.get(person)) else None

    def admit(self, applicant: Applicant, templates: Vector, on: Whitelist | None = None) -> Person:
        """Record an applicant with templates (n, D), unit rows; `on` is the list when it is done for somebody else.

        RefusedError when the number is somebody's, or one of the faces and they are not, as is said, `another`.
        """
        while True:
            revision = self.follow()
            if holder := self.numbered(applicant.number):
                raise number_taken(holder.number, holder.id, holder.name)
            if (known := self.find(templates)) and not applicant.another:
                raise face_known(known.id, known.name, bool(known.revoked_at))
            try:
                return (on or self._whitelist).admit(applicant, self._manifest.id, templates, revision)
            except OvertakenError:  # by another desk clerk, who may have enrolled this very face
                continue

    def numbered(self, number: str) -> Person | None:
        """Who has this number."""
        return self._people.get(self._numbers.get(number, ""))

    def find(self, templates: Vector) -> Person | None:
        """Whose face one of these templates (n, D) shows, the most like first; as of the last `follow`."""
        gallery = self._shelf.gallery(self._revision)
        if not len(gallery):
            return None
        likeness = self._shelf.likeness(self._fpir)
        threshold = Strangers(self._manifest.calibration, len(gallery), likeness).threshold(self._fpir)
        best = np.where(gallery.owner >= 0, (gallery.matrix @ templates.T).max(axis=1), -1.0)
        row = int(best.argmax())
        return self._people[gallery.people[gallery.owner[row]]] if best[row] >= threshold else None


def _standing(person: Person, today: date) -> Person:
    """What is kept here stands as on the last day of its record."""
    over = person.standing is Standing.ENROLLED and person.retain_until < today
    return structs.replace(person, standing=Standing.EXPIRED) if over else person
