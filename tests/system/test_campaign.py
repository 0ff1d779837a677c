"""Gate, desk and broker killed in mid-sync, twenty times of the thousand that `make campaign` does."""

import pytest

from tests.commands import answer
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_nobody_is_wrong_lost_or_resurrected_by_kills_in_mid_sync() -> None:
    told = answer("bench", "campaign", "--interruptions", "20", "--seed", "7", "--models", ROOT / "var/models")
    assert (told["wrong"], told["lost"], told["resurrected"]) == (0, 0, 0)
    assert sum(told["killed"].values()) == 20 and told["killed"].keys() >= {"desk", "broker"}
