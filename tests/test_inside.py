"""Who is inside, and what was ordered, is known when everything else is down and after the gate was started again."""

from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from edge.effects import KeepOrders, KeepPlaces
from edge.errors import StoreError
from edge.facts import InputChanged, PlacesKnown, Recorded, RelayReported, Started
from edge.gate import Gate
from edge.places import Keeper, Ordered, load, ordered
from edge.site import Site
from edge.terms import Input, Now, Place, RelayOutcome, Standing
from tests.adapters.brokers import until
from tests.commands import answer, complaint, run
from tests.core.test_gate import LIST
from tests.core.worlds import World, gate_rules, view


def entered() -> World:
    """Ann has come into the lobby."""
    world = World(structs.replace(gate_rules(), into={"entrance": "lobby"}))
    for fact in (Started("boot", "zoo", True), LIST, InputChanged("main", Input.CONTACT, False)):
        world.at(0, fact)
    for index in range(3):
        world.at(1 + index * 0.04, view(1 + index * 0.04))
    world.at(1.1, Recorded(1, True))
    world.at(1.2, RelayReported("main", RelayOutcome.STARTED, world.gate.doors["main"].drive.pulse))
    world.at(2, InputChanged("main", Input.CONTACT, True))
    return world


def test_whoever_passes_is_kept_and_known_again_after_a_restart() -> None:
    world = entered()
    assert KeepPlaces() in world.effects
    again = Gate(gate_rules())
    again.step(PlacesKnown(world.gate.areas.places), Now(0, 0))
    assert again.areas.inside() == {"lobby": ["ann"]}


def test_the_newest_list_is_written_whole(tmp_path: Path) -> None:
    path, failures = tmp_path / "inside.json", list[object]()
    keeper = Keeper(path, failures.append)
    keeper.start()
    for number in range(50):
        keeper.keep({f"person-{number}": Place("lobby", float(number))})
    until(lambda: load(path) == {"person-49": Place("lobby", 49.0)})
    keeper.stop()
    keeper.join(5)
    assert not keeper.is_alive() and not failures


@pytest.mark.parametrize("damage", [b"{", b'{"\xff": {"area": "lobby", "since": 1}}', b'{"a": ' * 9_000])
def test_a_list_that_cannot_be_read_says_so(tmp_path: Path, damage: bytes) -> None:
    """A gate then begins with nobody inside; any other exception would keep it from starting."""
    (tmp_path / "inside.json").write_bytes(damage)
    with pytest.raises(StoreError, match="no list of places"):
        load(tmp_path / "inside.json")
    assert load(tmp_path / "none.json") == {}


def test_the_command_needs_nothing_but_the_files_of_the_gate(tmp_path: Path) -> None:
    site = Site(tmp_path, tmp_path)
    assert answer("inside", "--config", site.file) == {}
    keeper = Keeper(site.config.state / "inside.json", lambda _: None)
    keeper.start()
    keeper.keep({"ann": Place("lobby", 1_700_000_000.0), "bob": Place("cellar", 1_795_500_000.0)})
    until(lambda: (site.config.state / "inside.json").is_file())
    keeper.stop()
    ann = {"person": "ann", "since": "2023-11-15 06:13+08:00", "overdue": False}
    assert answer("inside", "--config", site.file)["lobby"] == [ann]
    told = run("inside", "--config", site.file).stdout
    assert "cellar: 1 people" in told and "[ ] ann" in told
    site.file.write_text(site.file.read_text() + '[[area]]\nname = "lobby"\n')  # sixteen hours
    assert answer("inside", "--config", site.file)["lobby"] == [{**ann, "overdue": True}], "never left out"
    told = run("inside", "--config", site.file).stdout.splitlines()
    assert [line.split()[2] for line in told if line.endswith(" ?")] == ["ann"]
    (site.config.state / "inside.json").write_text("{")
    assert "no list of places" in complaint("inside", "--config", site.file)


def test_what_stands_against_doors_is_known_again_and_a_block_has_the_time_that_was_left(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    keeper = Keeper(path, lambda _: None)
    keeper.start()
    doors = {"main": Standing(locked_down=True), "back": Standing(blocked=True, blocked_until=1060.0)}
    keeper.keep({"doors": doors, "at": 1000.0})
    until(path.is_file)
    keeper.stop()
    left = {**doors, "back": Standing(blocked=True, blocked_until=65.0)}
    assert ordered(path, 5.0) == Ordered(left), "the machine was booted"


def test_when_a_block_ends_is_known_by_a_clock_that_was_trusted(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    block = Standing(blocked=True, blocked_until=1060.0)
    for orders, ends in (
        (KeepOrders({"main": block}, 1000.0, 5000.0), 5060.0),
        (KeepOrders({"main": block}, 1000.0), None),
        (KeepOrders({"main": structs.replace(block, ends=4010.0)}, 1000.0, 5000.0), 4010.0),
    ):
        path.write_bytes(msgspec.json.encode(structs.asdict(orders)))
        assert ordered(path, 5.0).doors == {"main": structs.replace(block, blocked_until=65.0, ends=ends)}


@pytest.mark.parametrize("damage", [b"", b"{", b'{"at": 1, "doors": {"\xff": {}}}', b'{"a": ' * 9_000])
def test_orders_that_cannot_be_read_are_not_known_and_keep_no_gate_from_starting(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(damage)
    assert ordered(path, 1.0).unread.startswith(f"{path} is no list of orders: ")
    assert ordered(tmp_path, 1.0).unread == f"{tmp_path} cannot be read: Is a directory"
    assert ordered(tmp_path / "none.json", 1.0) == Ordered({}), "nothing was ever ordered"


def test_what_the_disk_does_not_take_is_written_when_it_does(tmp_path: Path) -> None:
    """A lockdown is ordered once: nobody moves afterwards, who would have it written."""
    path = tmp_path / "state" / "orders.json"
    path.parent.write_text("in the way")
    keeper, tried = Keeper(path, lambda _: None), list[bool]()
    write = keeper._write
    keeper._write = lambda content: tried.append(write(content)) or tried[-1]  # type: ignore[method-assign, func-returns-value]
    keeper.start()
    keeper.keep({"at": 1.0, "doors": {"main": Standing(locked_down=True)}})
    until(lambda: tried)
    assert not any(tried)
    path.parent.unlink()
    path.parent.mkdir()
    until(lambda: ordered(path, 1.0).doors == {"main": Standing(locked_down=True)})
    keeper.stop()
    keeper.join(5)
    assert not keeper.is_alive()


def test_no_damage_makes_a_block_last_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(b'{"at": 1, "doors": {"main": {"blocked": true, "blocked_until": 1e300}}}')
    assert ordered(path, 100.0).doors == {"main": Standing(blocked=True, blocked_until=86_500.0)}
