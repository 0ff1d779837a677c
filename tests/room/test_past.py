"""Pages of a room over what it has recorded before."""

from collections.abc import Iterator

import httpx
import pytest

from monitor.database import Database
from monitor.settings import load
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, get
from tests.room.test_casebook import Chain

pytestmark = pytest.mark.real
SITES = ("hq", "annex")


@pytest.fixture(scope="module")
def monitor(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """Two sites with a gate of the same name, at one of which somebody passed once at a time that is none."""
    monitor = Monitor(tmp_path_factory.mktemp("room"), broker)
    with Database(load(monitor.config).database) as database:
        first, second = (Chain(database, site) for site in SITES)
        first.report("AccessGranted", 100, "zzzz")
        for number, chain in enumerate((first, second), 1):
            for _ in range(number):
                chain.report("RequestToExit", 100)
    with monitor:
        yield monitor


def asked(monitor: Monitor, path: str) -> httpx.Response:
    answer = get(monitor.url + path, auth=("li", PASSWORD))
    assert answer.status_code == 200
    return answer


@pytest.mark.parametrize("by", ["day", "week"])
def test_figures_are_shown_beside_an_event_whose_time_is_none(monitor: Monitor, by: str) -> None:
    asked(monitor, f"/figures?by={by}")


def test_a_gates_page_shows_nothing_of_another_sites_gate_of_the_same_name(monitor: Monitor) -> None:
    first, second = (asked(monitor, f"/gates/{site}/gate-1").text for site in SITES)
    assert ("p001" in first, "p001" in second) == (True, False)
    assert (first.count('class="event"'), second.count('class="event"')) == (2, 2)
