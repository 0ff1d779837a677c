"""A desk that is lost with its machine, and put back from a backup."""

import shutil
from datetime import date
from pathlib import Path

from edge.backup import KEY_FILE
from edge.enrolled import Bounds, Person
from edge.models import manifest
from edge.town import CONSENT, PACK, synthetic
from tests.adapters.sites import Place
from tests.commands import answer


def lose(place: Place) -> None:
    """The desk's machine burns down."""
    place.stop("desk")
    shutil.rmtree(place.town.root / "state")
    shutil.rmtree(place.town.root / "credentials")


def restore(place: Place, file: Path) -> None:
    answer("desk", "restore", file, "--key", place.town.root / "safe" / KEY_FILE, *place.town.options)


def standings(place: Place) -> dict[str, Person]:
    return {person.id: person for person in place.town.people().people(date.today())}


def enroll(place: Place, name: str, level: str = "") -> str:
    templates = synthetic(place.rng, manifest(PACK).dimension)
    bounds = Bounds((level,) if level else ())
    return place.town.people().enroll(name, CONSENT, manifest(PACK).id, templates, bounds).id
