"""Enrolment of many people: each by themselves, and nobody who is in is lost by what goes wrong later."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from edge.applications import Application
from edge.enroll import Enrolled, Registrar
from edge.errors import RefusedError

Advance = Callable[[int, int], None]
"""Told how many applications are done, and how many there are."""


class Refusal(NamedTuple):
    """A photo of an application, or with `photo` empty all of it, and why."""

    application: Application
    photo: str
    error: RefusedError


class Tally(Struct):
    """What became of the applications and of their photos; `refused` counts photos, each once, by reason;
    `left_out` showed what a better one shows.
    """

    people: int = 0
    enrolled: int = 0
    already: int = 0
    photos: int = 0
    templates: int = 0
    left_out: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    turned_away: Counter[str] = field(default_factory=Counter)


class Intake:
    """Takes applications; `refuse` is told of everything that is refused, as it happens."""

    def __init__(self, registrar: Registrar, refuse: Callable[[Refusal], None]) -> None:
        self._registrar, self._refuse = registrar, refuse
        self.tally = Tally()

    def run(self, applications: Sequence[Application], advance: Advance) -> Tally:
        """Enrol everybody who is not in already; StoreError ends it, and those before are in."""
        self._registrar.doubles.follow()
        for done, application in enumerate(applications):
            advance(done, len(applications))
            self._take(application)
        advance(len(applications), len(applications))
        return self.tally

    def _take(self, application: Application) -> None:
        tally = self.tally
        tally.people += 1
        try:
            if self._known(application):
                tally.already += 1
                return
            tally.photos += len(application.photos)
            enrolled = self._enroll(application)
        except RefusedError as error:
            tally.turned_away[error.reason] += 1
            self._refuse(Refusal(application, "", error))
            return
        tally.enrolled += 1
        tally.templates += enrolled.person.templates
        tally.left_out += len(enrolled.left_out)

    def _known(self, application: Application) -> bool:
        """Whether this very person is in, from an earlier run; their number may be nobody else's."""
        applicant = application.applicant
        known = self._registrar.doubles.numbered(applicant.number)
        if known is None:
            return False
        if known.name != applicant.name or known.revoked_at:
            text = "the number {number} belongs to {person} {name}"
            hint = "see: edge-gate people list"
            raise RefusedError(
                text, hint, number=applicant.number, person=known.id, name=known.name, reason="number_taken"
            )
        return True

    def _enroll(self, application: Application) -> Enrolled:
        looked = self._registrar.look(application.photos)
        for error in looked.refused:
            self.tally.refused[error.reason] += 1
            self._refuse(Refusal(application, str(error.fields["path"]), error))
        if not looked.portraits:
            raise RefusedError("no photo of this person is of use", "hand in others", reason="no_good_photo")
        try:
            return self._registrar.admit(application.applicant, looked.portraits)
        except RefusedError as error:
            self.tally.refused[error.reason] += len(looked.portraits)
            raise
