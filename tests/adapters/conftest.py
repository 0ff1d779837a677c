"""Fixtures of real parts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adapters.brokers import Mosquitto
from tests.adapters.outboxes import Gate


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """A broker that is not started yet."""
    broker = Mosquitto()
    yield broker
    broker.close()


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
