"""The whitelist over a NATS JetStream cluster of three, of which one node is killed in mid-sync."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.brokers import until
from tests.adapters.clusters import Cluster
from tests.adapters.sites import Place

pytestmark = pytest.mark.real
PEOPLE = 300
RECOVERY_S = 240.0
"""How long a cluster may take to choose other leaders, and the desk to be subscribed again: only a deadline."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def cluster(place: Place) -> Iterator[Cluster]:
    cluster = Cluster(place.town)
    cluster.start()
    yield cluster
    cluster.close()


def test_a_node_that_is_killed_in_mid_sync_costs_nobody(place: Place, cluster: Cluster) -> None:
    place.town.enroll(PEOPLE)
    place.start("desk", "north", "south")
    office = place.town.office()
    until(lambda: len(office.entries()) == PEOPLE)
    until(lambda: len(place.gates["south"].follower._roster.holding.entries) > 0, RECOVERY_S)
    cluster.nodes[2].kill()  # that of the gate south, in mid-sync
    until(lambda: place.gates["north"].count() == PEOPLE, RECOVERY_S)
    ann, face = place.enroll("Ann")
    until(lambda: place.gates["north"].matches(ann, face), RECOVERY_S)
    bob = next(iter(office.entries()))
    revision = place.town.people().revoke(bob).revision
    until(lambda: [receipt.gate for receipt in office.receipts(bob, revision)] == ["north"], RECOVERY_S)
    cluster.nodes[2].start()
    until(lambda: place.gates["south"].matches(ann, face) and place.gates["south"].count() == PEOPLE, RECOVERY_S)
    until(lambda: len(office.receipts(bob, revision)) == 2, RECOVERY_S)
    assert all(bob not in gate.follower._roster.running for gate in place.gates.values())
