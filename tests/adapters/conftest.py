"""Fixtures of real parts."""

from collections.abc import Iterator

import pytest

from tests.adapters.brokers import Mosquitto


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """A broker that is not started yet."""
    broker = Mosquitto()
    yield broker
    broker.close()
