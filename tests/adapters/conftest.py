"""Fixtures of real parts."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge import follow
from edge.backup import KEY_FILE, PUBLIC, new_recovery_key
from tests.adapters.brokers import Mosquitto
from tests.adapters.outboxes import Gate
from tests.adapters.rooms import Room, furnished
from tests.adapters.sites import Place
from tests.conftest import ROOT, need


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """A broker that is not started yet."""
    broker = Mosquitto()
    yield broker
    broker.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with furnished(tmp_path) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Gate]]:
    gates: list[Gate] = []

    def open_(**options: float) -> Gate:
        gates.append(Gate(path, **options))  # type: ignore[arg-type]
        return gates[-1]

    yield open_
    for gate in gates:
        gate.outbox.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    need((ROOT / "models/zoo.toml").exists(), "the zoo pack's manifest")
    with closing(Place(tmp_path / "t")) as made:
        yield made


@pytest.fixture
def insured(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place whose desk can be backed up, and whose gates say soon what a restored desk waits for."""
    monkeypatch.setattr(follow, "REPORT_EVERY_S", 0.5)
    safe = place.town.root / "safe"
    new_recovery_key(safe / KEY_FILE)
    shutil.copy(safe / PUBLIC, place.town.root / "credentials" / PUBLIC)
