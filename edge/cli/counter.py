"""Where the commands about people find them: in the database of this machine, or at the desk that is asked for them."""

import contextlib
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from edge.cli.common import say
from edge.clock import Calendar, today_at
from edge.config import Config, Credentials, DeskConfig, Place, WorkstationConfig
from edge.enrolled import Applicant, Edit, Person
from edge.errors import EdgeError
from edge.i18n import N_
from edge.whitelist import Whitelist

if TYPE_CHECKING:
    from edge.enroll import Registrar
    from edge.workstation import Counter

LOOK_EVERY_S = 0.1
AgainOption = Annotated[
    str,
    typer.Option(
        "--request", metavar="ID", help=N_("At a workstation: the request whose answer did not come; it is done once.")
    ),
]
"""Give it the default ""."""


class People(Protocol):
    """Whom the commands are about, wherever they are."""

    def people(self, today: date) -> list[Person]: ...
    def person(self, person: str, today: date) -> Person: ...
    def admit_faceless(self, applicant: Applicant, pack: str) -> Person: ...
    def edit(self, person: str, edit: Edit, expected: int | None = None) -> Person: ...
    def revoke(self, person: str) -> Person: ...
    def restore(self, person: str, today: date, expected: int | None = None) -> Person: ...
    def erase(self, person: str, expected: int | None = None) -> Person: ...


@contextlib.contextmanager
def register(
    place: Place, credentials: Path | None, again: str = "", json: bool = False, make: bool = False
) -> Iterator[People]:
    """The list of this machine, or the desk's; one that is not there is made with `make` alone."""
    secrets = Credentials(credentials)
    if isinstance(place, WorkstationConfig):
        from edge import models

        with asking(place, secrets, models.manifest(place.models.pack).id, again, json) as counter:
            yield counter
        return
    if again:
        raise EdgeError("--request is for workstations: here it is known what was done")
    if not make:
        Whitelist.of(place, secrets).revision()
    yield Whitelist.of(place, secrets, write=True)


@contextlib.contextmanager
def asking(
    place: WorkstationConfig, credentials: Credentials, pack: str, again: str, json: bool
) -> Iterator["Counter"]:
    """The desk's list; who asks again, and not for JSON, is told that it was done before."""
    from edge.workstation import Counter

    with Counter(place, credentials, pack, again) as counter:
        yield counter
    if counter.repeated and not json:
        say("this was done before, when it was first asked for; since then it may have been changed")


@contextlib.contextmanager
def registrar_of(loaded: Place, credentials: Path | None, json: bool, again: str = "") -> Iterator["Registrar"]:
    """The way onto that list."""
    from edge import models  # with OpenCV and the networks, which listing and revoking do without
    from edge.enroll import Registrar
    from edge.faces import Vision

    vision = Vision(models.load(loaded.models.pack, Path(loaded.models.directory)))
    if isinstance(loaded, WorkstationConfig):
        pack, fpir = vision.pack.manifest.id, loaded.workstation.fpir
        with (
            asking(loaded, Credentials(credentials), pack, again, json) as counter,
            Registrar(vision, counter, fpir) as made,
        ):
            yield made
        return
    whitelist = Whitelist.of(loaded, Credentials(credentials), write=True)
    with Registrar.of(
        vision, whitelist, loaded.desk.fpir if isinstance(loaded, DeskConfig) else loaded.access.fpir
    ) as made:
        yield made


def today(place: Place) -> date:
    return Calendar.of(place).peek() if isinstance(place, Config) else today_at(place.calendar.zone)


def contract(place: Place, credentials: Path | None, people: People, gone: Person, wait: float) -> dict[str, Any]:
    """At a desk and at its workstations: which gates have confirmed, signed, that somebody is out, and which not."""
    if isinstance(place, Config):
        return {}
    if isinstance(place, DeskConfig):
        from edge.cli.desk import confirmed

        told: dict[str, Any] = confirmed(place, Credentials(credentials), gone.id, gone.revision, wait)
        return told
    return _told_by_desk(people, gone, wait)


def _told_by_desk(people: People, gone: Person, wait: float) -> dict[str, Any]:
    """As far as the desk tells: that it does not is no reason to call a deed undone that was done."""
    from edge.workstation import Counter

    assert isinstance(people, Counter)
    until = time.monotonic() + wait
    while True:
        try:
            shown = people.shown(gone.id)
        except EdgeError as error:
            return {"unknown": error.message}
        if not shown.pending or time.monotonic() > until:
            return {"confirmed_ms": shown.confirmed_ms, "pending": shown.pending}
        time.sleep(LOOK_EVERY_S)


def backups(place: Place, credentials: Path | None, gone: Person) -> dict[str, datetime | None]:
    """Up to when backups hold the record of somebody who was erased: a workstation does not know."""
    if isinstance(place, WorkstationConfig):
        return {}
    if isinstance(place, Config):
        return {"in_backups_until": None}
    from edge.audit import Audit
    from edge.journal import Deed

    line = Audit.of(place, Credentials(credentials)).last(Deed.BACKED_UP)
    return {"in_backups_until": line.at if line and line.at > gone.enrolled_at else None}
