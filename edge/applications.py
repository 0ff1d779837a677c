"""Who is to be enrolled, as it was handed in: the people of a folder, with a subfolder or a photo each."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge import forms
from edge.enrolled import Applicant, Bounds, Consent
from edge.errors import EdgeError, RefusedError

HIDDEN = "."
"""What begins like this is left alone: notes that programs leave beside pictures."""


class Application(NamedTuple):
    """One person; `where` it stands, a folder or a line, tells whoever handed it in."""

    where: str
    applicant: Applicant
    photos: tuple[Path, ...]


class Refusal(NamedTuple):
    """An application, or with `photo` one of its photos, that is of no use, and why."""

    where: str
    number: str
    name: str
    photo: str
    error: RefusedError


Applications = list[Application | Refusal]
"""In their order, with those that could not even be read as applications."""


def of_folder(folder: Path, consent: Consent, bounds: Bounds) -> Applications:
    """FOLDER/PERSON/PHOTO, or a folder of photos of one person each. What a person's folder or file is called is both
    name and number: what was enrolled from it is known again by that. EdgeError when there is nothing.
    """
    if not folder.is_dir():
        raise EdgeError("{path} is no directory", "name a directory with photos", path=folder)
    found: dict[str, list[Path]] = {}
    for path in photos_in(folder):
        inside = path.relative_to(folder)
        found.setdefault(str(inside.parent if inside.parent.name else inside.with_suffix("")), []).append(path)
    if not found:
        raise EdgeError("{path} holds no photos", "name a directory with photos", path=folder)
    return [_called(where, tuple(photos), consent, bounds) for where, photos in found.items()]


def _called(where: str, photos: tuple[Path, ...], consent: Consent, bounds: Bounds) -> Application | Refusal:
    try:
        name, number = forms.line(Path(where).name), forms.line(where)
    except RefusedError as error:
        return Refusal(where, "", "", "", error)
    return Application(where, Applicant(name, consent, number=number, bounds=bounds), photos)


def photos_in(folder: Path) -> list[Path]:
    """Every file below a folder that is not hidden."""
    try:
        return sorted(_files(folder))
    except OSError as error:
        raise EdgeError("{path} cannot be read: {why}", path=folder, why=error.strerror) from error


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if not path.is_dir() and not any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts):
            yield path
