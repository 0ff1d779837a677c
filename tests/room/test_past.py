"""Pages of a room over what it has recorded before."""

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import update

from monitor.database import Database
from monitor.settings import load
from monitor.tables import EVENTS
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, get
from tests.room.test_casebook import Chain

pytestmark = pytest.mark.real
SITES = ("hq", "annex")


@pytest.fixture(scope="module")
def monitor(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """Two sites with a gate of the same name, at one of which somebody passed once at a time that is none, and an event
    was changed."""
    monitor = Monitor(tmp_path_factory.mktemp("room"), broker)
    with Database(load(monitor.config).database) as database:
        first, second = (Chain(database, site) for site in SITES)
        first.report("AccessGranted", 100, "zzzz")
        for number, chain in enumerate((first, second), 1):
            for _ in range(number):
                chain.report("RequestToExit", 100)
        first.report("DoorTamper")
        with database.writing() as connection:
            tamper = EVENTS.c.type == "edge-gate.DoorTamper"
            connection.execute(update(EVENTS).where(tamper).values(payload=b"sha256:abc"))
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
    assert (first.count('class="event"'), second.count('class="event"')) == (3, 2)


@pytest.mark.parametrize("path", ["/history", "/history.csv", "/api/events?limit=100"])
def test_an_event_that_cannot_be_read_is_shown_beside_the_others(monitor: Monitor, path: str) -> None:
    found = asked(monitor, path).text
    begins = 'class="event">' if path == "/history" else "edge-gate."
    tamper, others = ("Housing opened", "Exit button") if path == "/history" else ("DoorTamper", "RequestToExit")
    assert (found.count(begins + tamper), found.count(begins + others)) == (1, 3)
