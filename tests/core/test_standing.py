"""What the room has ordered against a door outlasts the gate: who locks down means until release."""

import math
from collections.abc import Iterator

import pytest
from msgspec import structs

from edge.door import DoorRules
from edge.doorevents import AccessGranted, CommandAnswered, DoorModeChanged
from edge.effects import KeepOrders, Pulse
from edge.events import GateStarted
from edge.facts import CommandReceived, Fact, InputChanged, Started, Wake
from edge.gate import GateRules
from edge.permits import PermitRules
from edge.schedule import Calendar, Schedule
from edge.terms import CommandKind, DoorMode, Input, Now, Standing
from tests.core.test_gate import LIST
from tests.core.worlds import World, events, gate_rules, view

ALL_DAY = Schedule((((0, 1440),),) * 7)


def started(orders: dict[str, Standing], rules: GateRules | None = None, at: float = 0.0) -> World:
    world = World(rules or gate_rules())
    world.at(at, Started("boot", "zoo", True, orders=orders))
    world.at(at, LIST)
    return world


def ordered(world: World, kind: CommandKind, at: float = 1.0, seconds: float | None = None) -> dict[str, Standing]:
    """Give an order; what is kept of orders after it."""
    effects = world.at(at, CommandReceived("id", "room", kind, "main", seconds))
    (answer,) = events(effects, CommandAnswered)
    assert isinstance(answer, CommandAnswered) and answer.accepted
    return kept(world)


def kept(world: World) -> dict[str, Standing]:
    found = [effect.doors for effect in world.effects if isinstance(effect, KeepOrders)]
    return found[-1] if found else {}


def pulses(world: World) -> Iterator[Pulse]:
    return (effect for effect in world.effects if isinstance(effect, Pulse))


def shows(world: World, at: float) -> list[object]:
    """Somebody who may pass comes."""
    return [each for n in range(3) for each in events(world.at(at + n / 25, view(at + n / 25)), AccessGranted)]


def test_a_lockdown_lasts_until_release_whatever_becomes_of_the_gate() -> None:
    orders = ordered(started({}), CommandKind.LOCK_DOWN)
    assert orders == {"main": Standing(locked_down=True)}
    again = started(orders)
    told = events(again.effects)
    assert isinstance(told[0], GateStarted), "which begins what is known of it"
    assert DoorModeChanged(DoorMode.LOCKED_DOWN, DoorMode.LOCKED, "restart") in told
    assert not shows(again, 2.0) and not [*pulses(again)]
    again.at(9.0, InputChanged("main", Input.EXIT_BUTTON, True))
    assert [*pulses(again)], "nobody is locked in"
    assert not any(isinstance(each, KeepOrders) for each in again.effects), "it is on the disk as it is"
    assert ordered(again, CommandKind.RELEASE, 20.0) == {} and shows(again, 21.0)


@pytest.mark.parametrize(("seconds", "until"), [(None, None), (60.0, 61.0)])
def test_a_block_lasts_for_its_time(seconds: float | None, until: float | None) -> None:
    orders = ordered(started({}), CommandKind.BLOCK, seconds=seconds)
    assert orders == {"main": Standing(blocked=True, blocked_until=until)}
    again = started(orders, at=2.0)
    assert again.gate.doors["main"].blocked_until == (until or math.inf) and not shows(again, 5.0)
    assert bool(shows(again, 70.0)) is (until is not None)
    assert until is None or kept(again) == {}


@pytest.mark.parametrize(("first", "second", "until"), [(None, 1.0, None), (60.0, 1.0, 61.0), (1.0, 60.0, 62.0)])
def test_a_block_ends_no_other_one_sooner(first: float | None, second: float, until: float | None) -> None:
    world = started({})
    ordered(world, CommandKind.BLOCK, seconds=first)
    assert ordered(world, CommandKind.BLOCK, 2.0, second) == {"main": Standing(blocked=True, blocked_until=until)}


UTC = 1_000_000.0
"""What the clock of `World` says at 0."""
BLOCK = Standing(blocked=True, blocked_until=60.0)


@pytest.mark.parametrize(("ends", "until"), [(30.0, 30.0), (90.0, 60.0), (-30.0, None)])
def test_a_block_ends_when_it_was_to_by_a_clock_that_is_trusted_and_no_later_than_it_might(
    ends: float, until: float | None
) -> None:
    """After a boot the time that the machine was off has gone by."""
    world = started({"main": structs.replace(BLOCK, ends=UTC + ends)})
    assert world.gate.doors["main"].blocked is (until is not None)
    assert kept(world) == ({"main": structs.replace(BLOCK, blocked_until=until)} if until else {})
    if until:
        assert not events(world.at(until - 0.1, Wake()), DoorModeChanged)
        over = DoorModeChanged(DoorMode.LOCKED, DoorMode.BLOCKED, "block is over")
        assert events(world.at(until, Wake()), DoorModeChanged) == [over]


def test_of_a_block_that_is_over_nothing_is_kept_however_long_the_door_is_locked_down() -> None:
    world = started({"main": structs.replace(BLOCK, ends=UTC + 30.0, locked_down=True)})
    world.at(30.0, Wake())
    assert kept(world) == {"main": Standing(locked_down=True)}


@pytest.mark.parametrize(
    ("kind", "until"),
    [(None, 30.0), (CommandKind.LOCK, 30.0), (CommandKind.ACKNOWLEDGE, 30.0), (CommandKind.BLOCK, 60.0)],
)
def test_a_block_of_before_ends_in_time_as_soon_as_the_clock_is_trusted_unless_there_is_another(
    kind: CommandKind | None, until: float
) -> None:
    world, orders = World(), {"main": structs.replace(BLOCK, ends=30.0)}
    world.gate.step(Started("boot", "zoo", True, orders=orders), Now(0.0, 9e9, False))
    door = world.gate.doors["main"]
    assert door.blocked_until == 60.0, "a wrong clock ends nothing"
    if kind:
        world.gate.step(CommandReceived("id", "room", kind, "main", 50.0), Now(1.0, 9e9, False))
    world.gate.step(view(20.0), Now(20.0, 20.0, True))
    assert door.blocked_until == until
    world.gate.step(Wake(), Now(30.0, 30.0, True))
    assert door.blocked is (until > 30.0)


def test_when_a_block_of_before_ends_is_kept_with_whatever_is_ordered_before_the_clock_is_trusted() -> None:
    rules = structs.replace(gate_rules(), doors={"main": DoorRules(3.0, 20.0), "side": DoorRules(3.0, 20.0)})
    world, dated = World(rules), structs.replace(BLOCK, ends=30.0)
    world.gate.step(Started("boot", "zoo", True, orders={"main": dated, "side": dated}), Now(0.0, 9e9, False))
    order = CommandReceived("id", "room", CommandKind.LOCK_DOWN, "side")
    [keep] = [each for each in world.gate.step(order, Now(1.0, 9e9, False)).effects if isinstance(each, KeepOrders)]
    assert keep == KeepOrders({"main": dated, "side": structs.replace(dated, locked_down=True)}, 1.0, None)


def test_a_block_that_ends_while_the_door_is_locked_down_is_over_for_good() -> None:
    world = World(structs.replace(gate_rules(), cameras={}))
    world.at(0.0, Started("boot", "zoo", True))
    ordered(world, CommandKind.BLOCK, seconds=60.0)
    assert ordered(world, CommandKind.LOCK_DOWN, 2.0)["main"].blocked
    world.at(50.0, Wake())
    assert not events(world.at(61.0, Wake()), DoorModeChanged)
    assert kept(world) == {"main": Standing(locked_down=True)}


def test_a_door_that_was_locked_against_its_schedule_is_not_unlocked_by_it_again() -> None:
    calendar = Calendar(schedules={"day": ALL_DAY})
    rules = structs.replace(gate_rules(), unlocked={"main": "day"}, permits=PermitRules(calendar=calendar))
    world = started({}, rules)
    assert [*pulses(world)] and not kept(world)
    orders = ordered(world, CommandKind.LOCK)
    assert orders == {"main": Standing(relocked=True)}
    assert not [*pulses(started(orders, rules))] and [*pulses(started({}, rules))]


def by_day(world: World, at: float, fact: Fact, hour: int, trusted: bool) -> None:
    """A step at some hour of a day, by a clock that may not be trusted."""
    world.effects += world.gate.step(fact, Now(at, 20_000 * 86_400 + hour * 3_600 + at, trusted)).effects


OFFICE = structs.replace(
    gate_rules(),
    unlocked={"main": "day"},
    permits=PermitRules(calendar=Calendar(schedules={"day": Schedule((((8 * 60, 18 * 60),),) * 7)})),
)


@pytest.mark.parametrize("hour", [3, 12])
def test_a_clock_that_is_wrong_at_the_start_ends_no_order_against_a_schedule(hour: int) -> None:
    again, orders = World(OFFICE), {"main": Standing(relocked=True)}
    by_day(again, 1.0, Started("boot", "zoo", True, orders=orders), hour, trusted=False)
    by_day(again, 70.0, Wake(), hour, trusted=False)
    by_day(again, 140.0, Wake(), 12, trusted=True)
    assert not [*pulses(again)] and again.gate.control.keep(Now(0.0, 0.0)) == []
    by_day(again, 210.0, Wake(), 20, trusted=True)
    by_day(again, 280.0, Wake(), 12, trusted=True)
    assert [*pulses(again)], "the order was for that day"


def test_what_was_ordered_against_a_schedule_is_over_with_it() -> None:
    world = World(OFFICE)
    by_day(world, 0.0, Wake(), 12, trusted=True)
    by_day(world, 1.0, CommandReceived("id", "room", CommandKind.LOCK, "main"), 12, trusted=True)
    assert kept(world) == {"main": Standing(relocked=True)}
    by_day(world, 70.0, Wake(), 20, trusted=True)
    assert kept(world) == {}


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("hour", [3, 12])
def test_a_clock_that_is_set_unlocks_what_its_schedule_unlocks_unless_it_was_locked_meanwhile(
    hour: int, locked: bool
) -> None:
    world = World(OFFICE)
    by_day(world, 0.0, Wake(), 12, trusted=True)
    by_day(world, 70.0, Wake(), 3, trusted=False)
    door = world.gate.doors["main"]
    assert not door.drive.holding and not kept(world)
    if locked:
        by_day(world, 80.0, CommandReceived("id", "room", CommandKind.LOCK, "main"), hour, trusted=False)
    by_day(world, 140.0, Wake(), hour, trusted=False)
    assert not door.drive.holding, "never by a clock that is not trusted"
    by_day(world, 210.0, Wake(), 12, trusted=True)
    assert door.drive.holding is not locked


SLUICE = structs.replace(
    gate_rules(),
    doors={"main": DoorRules(3.0, 20.0, interlock=("side",)), "side": DoorRules(3.0, 20.0, interlock=("main",))},
    unlocked={"main": "day"},
    permits=PermitRules(calendar=Calendar(schedules={"day": ALL_DAY})),
)


@pytest.mark.parametrize(
    "kinds",
    [(CommandKind.LOCK,), (CommandKind.LOCK_DOWN, CommandKind.RELEASE), (CommandKind.BLOCK, CommandKind.UNBLOCK)],
)
def test_what_is_ordered_while_a_schedule_waits_for_the_sluice_is_against_the_schedule(
    kinds: tuple[CommandKind, ...],
) -> None:
    world = World(SLUICE)
    world.at(0.0, InputChanged("side", Input.CONTACT, True))
    world.at(0.1, InputChanged("main", Input.CONTACT, False))
    world.at(61.0, Wake())
    assert not kept(world), "it only waits"
    for n, kind in enumerate(kinds):
        orders = ordered(world, kind, 70.0 + n)
    world.at(80.0, InputChanged("side", Input.CONTACT, False))
    world.at(181.0, Wake())
    assert not [*pulses(world)] and orders == kept(world) == {"main": Standing(relocked=True)}


@pytest.mark.parametrize("kind", [CommandKind.UNLOCK, CommandKind.LOCK_OPEN])
def test_what_opens_a_door_ends_with_the_gate(kind: CommandKind) -> None:
    assert ordered(started({}), kind) == {}


@pytest.mark.parametrize("orders", [{"back": Standing(locked_down=True)}, {"main": Standing(relocked=True)}])
def test_orders_against_a_door_or_a_schedule_that_is_there_no_more_are_forgotten(orders: dict[str, Standing]) -> None:
    again = started(orders)
    assert not events(again.effects, DoorModeChanged)
    assert [effect.doors for effect in again.effects if isinstance(effect, KeepOrders)] == [{}]
