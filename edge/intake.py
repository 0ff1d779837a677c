"""Enrolment of many people: each by themselves, and nobody who is in is lost by what goes wrong later."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct, field

from edge.applications import Application, Applications, Refusal
from edge.complaints import number_taken
from edge.enroll import Registrar
from edge.errors import LinkError, PhotoError, RefusedError, StoreError
from edge.photos import content

LASTING = ("no_good_photo", "already_enrolled")
"""Reasons to turn somebody away that the next run believes. Any other may be gone by then with the row unchanged."""
Advance = Callable[[int, int], None]
"""Told how many applications are done, and how many there are."""


class Book(Protocol):
    """Where refusals are written down, as they happen, and found again by the next run."""

    def keep(self, where: str, number: str) -> None:
        """This person is in already."""

    def stands(self, where: str, number: str, judged: str) -> str:
        """Why an application that is to be judged by the same as before was turned away then; empty: judge it."""

    def note(self, refusal: Refusal, judged: str) -> None:
        """By what it was judged; by nothing, and it does not stand in the next run."""


class Tally(Struct):
    """What became of the applications and of their photos; `refused` counts photos, each once, by reason;
    `left_out` showed what a better one shows. `turned_away_before` of those were by an earlier run, and not judged now.
    """

    people: int = 0
    enrolled: int = 0
    already: int = 0
    photos: int = 0
    templates: int = 0
    left_out: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    turned_away: Counter[str] = field(default_factory=Counter)
    turned_away_before: int = 0


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
        self.tally.people += 1
        judged = ""
        try:
            if isinstance(application, Refusal):
                raise application.error
            if self._is_in(application):
                self.tally.already += 1
                self._book.keep(application.where, application.applicant.number)
                return
            judged = self._judged_by(application)
            if not self._stands(application, judged):
                self._enroll(application, judged)
        except RefusedError as error:
            self.tally.turned_away[error.reason] += 1
            self._book.note(_refusal(application, "", error), judged if error.reason in LASTING else "")

    def _is_in(self, application: Application) -> bool:
        """Whether this very person is in, from an earlier run; their number may be nobody else's."""
        applicant = application.applicant
        known = self._registrar.register.numbered(applicant.number)
        if known is None:
            return False
        if known.name != applicant.name or known.revoked_at:
            raise number_taken(known.number, known.id, known.name)
        return True

    def _judged_by(self, application: Application) -> str:
        """What tells whether the same would be judged by the same again: row, photos, pack and wanted rate."""
        seen = hashlib.sha256(repr((application.applicant, self._registrar.standard)).encode())
        for part in _contents(application):
            seen.update(hashlib.sha256(part).digest())
        return f"sha256:{seen.hexdigest()[:32]}"

    def _stands(self, application: Application, judged: str) -> bool:
        reason = self._book.stands(application.where, application.applicant.number, judged)
        if reason:
            self.tally.turned_away[reason] += 1
            self.tally.turned_away_before += 1
        return bool(reason)

    def _enroll(self, application: Application, judged: str) -> None:
        tally = self.tally
        tally.photos += len(application.photos)
        looked = self._registrar.look(application.photos)
        for error in looked.refused:
            tally.refused[error.reason] += 1
            self._book.note(_refusal(application, str(error.fields["path"]), error), judged)
        if not looked.portraits:
            raise RefusedError("no photo of this person is of use", "hand in others", reason="no_good_photo")
        try:
            enrolled = self._registrar.admit(application.applicant, looked.portraits)
        except RefusedError as error:
            tally.refused[error.reason] += len(looked.portraits)
            raise
        tally.enrolled += 1
        tally.templates += enrolled.person.templates
        tally.left_out += len(enrolled.left_out)


def _contents(application: Application) -> Iterator[bytes]:
    """Of every photo its name and what is in it, or why that cannot be read."""
    for photo in application.photos:
        yield os.fsencode(photo.name)
        try:
            yield content(photo)
        except PhotoError as error:
            yield error.reason.encode()


def _refusal(application: Application | Refusal, photo: str, error: RefusedError) -> Refusal:
    if isinstance(application, Refusal):
        return application
    applicant = application.applicant
    return Refusal(application.where, applicant.number, applicant.name, photo, error)
