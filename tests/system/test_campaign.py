"""Gate, desk, room and broker killed at random moments: a few times of the many that `make campaign` does."""

import pytest

from tests.commands import answer
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_nobody_is_wrong_lost_or_resurrected_by_kills_in_mid_sync() -> None:
    told = answer("bench", "campaign", "--interruptions", "20", "--seed", "7", "--models", ROOT / "var/models")
    assert (told["wrong"], told["lost"], told["resurrected"]) == (0, 0, 0)
    assert sum(told["killed"].values()) == 20 and told["killed"].keys() >= {"desk", "broker"}


def test_no_event_is_lost_by_kills_of_the_room_its_broker_and_its_gates() -> None:
    told = answer("bench", "campaign", "--room", "--interruptions", "10", "--seed", "29")
    assert (told["lost"], told["doubled"], told["unchained"]) == (0, 0, 0) and told["events"] > 100
    assert sum(told["killed"].values()) == 10 and told["killed"].keys() >= {"monitor", "broker", "gate-1", "gate-2"}
