"""Enrolment of many people: each by themselves, and nobody who is in is lost by what goes wrong later."""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from edge.applications import Application, Applications, Refusal
from edge.complaints import number_taken
from edge.enroll import Enrolled, Registrar
from edge.errors import LinkError, RefusedError, StoreError

Advance = Callable[[int, int], None]
"""Told how many applications are done, and how many there are."""


class Book(Protocol):
    """Where refusals are written down, as they happen."""

    def begin(self, where: str) -> None:
        """An application is looked at, again or for the first time."""

    def note(self, refusal: Refusal) -> None: ...


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
    """Takes applications one after another."""

    def __init__(self, registrar: Registrar, book: Book) -> None:
        self._registrar, self._book = registrar, book
        self.tally = Tally()

    def run(self, applications: Applications, advance: Advance) -> Tally:
        """Enrol everybody who is not in already. StoreError ends it, also when the desk does not answer: whoever came
        before is in, and the next run goes on from there.
        """
        done = 0
        try:
            self._registrar.register.follow()
            for done, application in enumerate(applications):
                advance(done, len(applications))
                self._take(application)
        except (StoreError, LinkError) as error:
            text, hint = "ended after {done} of {count}: {why}", "mend it and do the same again: it goes on from there"
            raise StoreError(text, hint, done=done, count=len(applications), why=error) from error
        advance(len(applications), len(applications))
        return self.tally

    def _take(self, application: Application | Refusal) -> None:
        tally = self.tally
        tally.people += 1
        try:
            if isinstance(application, Refusal):
                raise application.error
            if self._is_in(application):
                tally.already += 1
                return
            self._book.begin(application.where)
            tally.photos += len(application.photos)
            enrolled = self._enroll(application)
        except RefusedError as error:
            tally.turned_away[error.reason] += 1
            self._book.note(_refusal(application, "", error))
            return
        tally.enrolled += 1
        tally.templates += enrolled.person.templates
        tally.left_out += len(enrolled.left_out)

    def _is_in(self, application: Application) -> bool:
        """Whether this very person is in, from an earlier run; their number may be nobody else's."""
        applicant = application.applicant
        known = self._registrar.register.numbered(applicant.number)
        if known is None:
            return False
        if known.name != applicant.name or known.revoked_at:
            raise number_taken(known.number, known.id, known.name)
        return True

    def _enroll(self, application: Application) -> Enrolled:
        looked = self._registrar.look(application.photos)
        for error in looked.refused:
            self.tally.refused[error.reason] += 1
            self._book.note(_refusal(application, str(error.fields["path"]), error))
        if not looked.portraits:
            raise RefusedError("no photo of this person is of use", "hand in others", reason="no_good_photo")
        try:
            return self._registrar.admit(application.applicant, looked.portraits)
        except RefusedError as error:
            self.tally.refused[error.reason] += len(looked.portraits)
            raise


def _refusal(application: Application | Refusal, photo: str, error: RefusedError) -> Refusal:
    if isinstance(application, Refusal):
        return application
    applicant = application.applicant
    return Refusal(application.where, applicant.number, applicant.name, photo, error)
