"""`edge-gate enroll`: one person from photos, or everybody in a folder or a list."""

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from edge import forms
from edge.cli.camera import chosen
from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.counter import AgainOption, register, registrar_of
from edge.cli.options import consented, given
from edge.cli.progress import progress
from edge.config import CameraSection, Config, Credentials, Place, load_place
from edge.enrolled import Applicant
from edge.errors import EdgeError, RefusedError
from edge.i18n import N_, _

if TYPE_CHECKING:
    from edge.enroll import Enrolled

T = TypeVar("T")


def parsed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of `edge.forms` as Typer wants it; what is left empty stays so."""

    def callback(value: str) -> T:
        try:
            return parse(value)
        except RefusedError as error:
            raise typer.BadParameter(error.render(_)) from error

    return callback


def text(value: str) -> str:
    """The callback of an option that is one line of text."""
    return parsed(forms.line)(value) if value else ""


Name = Annotated[str, typer.Argument(metavar="[NAME]", callback=text, help=N_("The name of the person."))]
Photos = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PHOTO]...", help=N_("One to eight photos of the person, or one short film.")),
]
Source = Annotated[
    Path | None,
    typer.Option("--from", metavar="PATH", help=N_("Everybody in a folder, or in a list (CSV) with names of photos.")),
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help=N_("Who of them was refused; otherwise beside PATH."))
]
Retry = Annotated[
    bool,
    typer.Option("--retry-refused", help=N_("Judge again also who was refused before and is handed in unchanged.")),
]
ConsentOption = Annotated[
    str, typer.Option("--consent", metavar="REFERENCE", callback=text, help=N_("Where the person's consent is filed."))
]
Purpose = Annotated[str, typer.Option("--purpose", metavar="TEXT", callback=text, help=N_("What it was given for."))]
RetainUntil = Annotated[str, typer.Option("--retain-until", metavar="DATE", help=N_("The last day of the enrolment."))]
Number = Annotated[
    str, typer.Option("--number", metavar="TEXT", callback=text, help=N_("What the site knows the person by."))
]
Levels = Annotated[
    list[str] | None, typer.Option("--level", metavar="NAME", help=N_("An access level; may be repeated."))
]
ValidFrom = Annotated[
    str | None,
    typer.Option("--valid-from", metavar="TIME", help=N_("From when they may pass.")),
]
ValidUntil = Annotated[
    str | None,
    typer.Option("--valid-until", metavar="TIME", help=N_("Until when; a day counts whole.")),
]
Host = Annotated[str, typer.Option("--host", metavar="NAME", callback=text, help=N_("Whom a visitor comes to see."))]
Another = Annotated[
    str,
    typer.Option(
        "--another-person",
        metavar="REASON",
        callback=text,
        help=N_("Why it is another person although the face is enrolled already, a twin say; it is recorded."),
    ),
]


Before = Annotated[
    str,
    typer.Option(
        "--camera", metavar="NAME", help=N_("Take the pictures with this camera of the configuration, and say how.")
    ),
]
WithoutFace = Annotated[
    bool,
    typer.Option("--without-face", help=N_("Somebody who declines face recognition: no photo; a pass, card or PIN.")),
]


def enroll(
    name: Name = "",
    photo: Photos = None,
    source: Source = None,
    consent: ConsentOption = "",
    purpose: Purpose = "",
    retain_until: RetainUntil = "",
    number: Number = "",
    level: Levels = None,
    valid_from: ValidFrom = None,
    valid_until: ValidUntil = None,
    host: Host = "",
    another_person: Another = "",
    camera: Before = "",
    without_face: WithoutFace = False,
    report: Report = None,
    retry_refused: Retry = False,
    again: AgainOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Enrol a person from photos. Each must show the one face, from the front, sharp and well lit.

    With --from, everybody in a folder (FOLDER/PERSON/PHOTO, or a photo a person), or in a list with the columns that
    docs/whitelist.md names; options stand for all whose row says nothing. The same command again goes on from there,
    and judges nobody again of whom nothing has changed.
    """
    loaded = load_place(config)
    levels = tuple(map(parsed(forms.line), level or []))
    known_levels(loaded, levels)
    zone = loaded.calendar.zone
    given("--retain-until", retain_until or None, partial(forms.last_day, zone=zone))
    begin = given("--valid-from", valid_from, partial(forms.begin, zone=zone))
    end = given("--valid-until", valid_until, partial(forms.end, zone=zone))
    bounds = forms.bounds(levels, begin, end, host)
    if retry_refused and not source:
        raise EdgeError("--retry-refused is for --from")
    if source and (name or photo or number or another_person or camera or without_face or again):
        text = "--from names everybody: leave out {options}"
        left_out = "NAME, PHOTO, --number, --another-person, --camera, --without-face, --request"
        raise EdgeError(text, options=left_out)
    if source:
        from edge.cli.everybody import everybody
        from edge.sheet import Grounds

        grounds = Grounds(consent, purpose, retain_until, bounds)
        everybody(source, report, grounds, loaded, credentials, retry_refused, json)
        return
    if without_face and (photo or another_person or camera):
        raise EdgeError("--without-face takes no photo, no --camera and no --another-person")
    if camera and photo:
        raise EdgeError("photos are given, or taken with --camera: leave one of them out")
    for option, value in (("NAME", name), ("PHOTO", photo or camera or without_face)):
        if not value:
            raise typer.BadParameter(_("is missing"), param_hint=f"'{option}'")
    grounds_given = consented(consent, purpose, retain_until, zone)
    applicant = Applicant(name=name, consent=grounds_given, number=number, bounds=bounds, another=another_person)
    forms.kept_as_long(applicant, zone)
    if without_face:
        _faceless(applicant, loaded, credentials, again, json)
    elif camera:
        _sitter(applicant, chosen(loaded, camera), loaded, credentials, again, json)
    else:
        _one(applicant, photo or [], loaded, credentials, again, json)


def _faceless(applicant: Applicant, loaded: Place, credentials: Path | None, again: str, json: bool) -> None:
    with register(loaded, credentials, again, json, make=True) as people:
        person = people.admit_faceless(applicant, loaded.models.pack)
    if json:
        emit({**msgspec.to_builtins(person), "left_out": []})
    else:
        text = "{name} is enrolled as {id} until {day}, without a face: give them a pass, a card or a PIN"
        say(text, name=person.name, id=person.id, day=person.retain_until)


def known_levels(config: Place, levels: tuple[str, ...]) -> None:
    """A gate that stands alone knows its levels; a desk and its workstations do not."""
    if not isinstance(config, Config):
        return
    known = [level.name for level in config.level]
    for level in levels:
        if level not in known:
            near = ", ".join(difflib.get_close_matches(level, known) or known) or "-"
            raise EdgeError("there is no level {level}; there are: {near}", level=level, near=near)


def _one(
    applicant: Applicant, photos: list[Path], loaded: Place, credentials: Path | None, again: str, json: bool
) -> None:
    from edge.enroll import enroll as enrolled_by

    with progress(quiet=json) as bar:
        bar.add_task(_("looking at the photos"), total=None)
        with registrar_of(loaded, credentials, json, again) as registrar:
            found = enrolled_by(photos, applicant, registrar)
    _told(found, json)


def _sitter(
    applicant: Applicant,
    camera: CameraSection,
    loaded: Place,
    credentials: Path | None,
    again: str,
    json: bool,
) -> None:
    """Whoever is before the camera now."""
    from edge.sitting import sit

    with registrar_of(loaded, credentials, json, again) as registrar:
        portraits = sit(camera, Credentials(credentials), registrar.vision, _unsaid if json else say)
        found = registrar.admit(applicant, portraits)
    _told(found, json)


def _unsaid(text: str, **values: object) -> None:
    """Nobody reads along."""


def _told(found: "Enrolled", json: bool) -> None:
    person, left_out = found
    if json:
        emit({**msgspec.to_builtins(person), "left_out": left_out})
        return
    for each in left_out:
        say("{photo} is left out: it shows the same as {like}, which is better ({score:.2f} alike)",
            photo=each.photo, like=each.like, score=each.score)  # fmt: skip
    say("{name} is enrolled as {id} until {day}", name=person.name, id=person.id, day=person.retain_until)
