"""Fixtures of real parts."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge import eyes, follow
from edge.backup import KEY_FILE, PUBLIC, new_recovery_key
from tests.adapters.brokers import Mosquitto
from tests.adapters.lookers import Gate as EyeGate
from tests.adapters.outboxes import Gate
from tests.adapters.porters import Desk
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


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files and directories that this process has had put on the disk, in their order."""
    seen, fsync = list[str](), os.fsync

    def heard(handle: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", heard)
    return seen


@pytest.fixture
def socket_root() -> Iterator[Path]:
    root = Path("/tmp") / f"eyes-{secrets.token_hex(4)}"  # the path of a Unix socket must be short
    root.mkdir(mode=0o700)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def gate(socket_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EyeGate]:
    monkeypatch.setattr(eyes, "LOOK_S", 0.05)
    with closing(EyeGate(socket_root)) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    begun: list[Desk] = []

    def begin(**how: Any) -> Desk:
        begun.append(Desk(tmp_path, **how))
        return begun[-1]

    yield begin
    for each in begun:
        each.porter.stop()
        if each.porter.is_alive():
            each.porter.join()
