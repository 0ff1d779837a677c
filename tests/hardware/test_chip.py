"""The product's GPIO lines on a real /dev/gpiochip of the Linux kernel."""

import os
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.doorsection import LineSection
from edge.errors import HardwareError
from edge.lines import ChipInputs, ChipOutputs, inputs, outputs, probe
from edge.terms import Input
from tests.hardware.conftest import until
from tests.hardware.gpiosim import LINK, SimChip

RELAY, LAMP, CONTACT, BUTTON, HEATER, LAST = 0, 1, 2, 3, 4, 7
DEBOUNCE_S = 0.4


def fails(chip: str, line: str | int) -> str:
    """Why an output line cannot be had."""
    with pytest.raises(HardwareError) as refused:
        outputs(chip, {"relay": LineSection(line)})
    return str(refused.value)


# Outputs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("active_low", [False, True])
def test_an_output_is_inactive_from_its_request_on(chip: SimChip, active_low: bool) -> None:
    chip.pull(RELAY, high=not active_low)
    assert chip.level(RELAY) is not active_low, "energised by what is outside"
    with closing(outputs(chip.path, {"relay": LineSection("RELAY", active_low)})) as relay:
        assert isinstance(relay, ChipOutputs)
        assert chip.level(RELAY) is active_low
        relay.set("relay", True)
        assert chip.level(RELAY) is not active_low
        relay.set("relay", False)
        assert chip.level(RELAY) is active_low


def test_outputs_are_independent_and_let_go_of_when_closed(chip: SimChip) -> None:
    lines = {"relay": LineSection("RELAY"), "lamp": LineSection(LAMP)}
    lamps = outputs(chip.path, lines)
    lamps.set("lamp", True)
    assert (chip.level(RELAY), chip.level(LAMP)) == (False, True)
    lamps.close()
    assert (chip.level(RELAY), chip.level(LAMP)) == (False, False)
    outputs(chip.path, lines).close()


def test_a_line_in_use_is_refused_and_its_user_named(chip: SimChip) -> None:
    assert f"{chip.path}: line 4 is in use by heater\nchoose another line" in fails(chip.path, HEATER)
    with closing(outputs(chip.path, {"relay": LineSection("RELAY")})) as relay:
        assert "line RELAY is in use by edge-gate" in fails(chip.path, "RELAY")
        relay.set("relay", True)
        assert chip.level(RELAY), "the first user was not disturbed"


def test_what_is_not_there_is_named(chip: SimChip) -> None:
    assert fails("/dev/gpiochip9", RELAY).startswith("there is no GPIO chip /dev/gpiochip9\n")
    assert fails(chip.path, LAST + 1) == f"{chip.path} has no line 8; its lines are 0 to 7"
    assert fails(chip.path, "RELAIS").startswith(f"{chip.path} has no line RELAIS\nsee what there is with: gpioinfo")
    assert fails(chip.path, "8") == f"{chip.path} has no line 8; its lines are 0 to 7"


def test_a_user_without_the_right_to_the_chip_is_told_how_to_get_it(chip: SimChip) -> None:
    os.seteuid(65534)
    try:
        assert fails(chip.path, RELAY) == f"{chip.path} may not be used\nrun as a user of the group gpio"
    finally:
        os.seteuid(0)


def test_probing_touches_nothing_and_accepts_lines_that_a_gate_holds(chip: SimChip) -> None:
    chip.pull(LAST, high=True)
    with closing(outputs(chip.path, {"relay": LineSection("RELAY")})) as relay:
        relay.set("relay", True)
        probe(chip.path, ["RELAY", LAST])
        assert chip.level(RELAY) and chip.level(LAST)
    with pytest.raises(HardwareError, match="line 4 is in use by heater"):
        probe(chip.path, ["RELAY", HEATER])


def test_an_output_of_a_chip_that_was_pulled_out_fails_and_can_be_had_again(chip: SimChip) -> None:
    relay = outputs(str(LINK), {"relay": LineSection("RELAY")})
    chip.unplug()
    with pytest.raises(HardwareError, match=f"{LINK}, lines RELAY: .*No such device"):
        relay.set("relay", True)
    with pytest.raises(HardwareError, match="No such device"):
        relay.close()
    assert fails(str(LINK), "RELAY").startswith("there is no GPIO chip")
    chip.plug()
    outputs(str(LINK), {"relay": LineSection("RELAY")}).close()


# Inputs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wired(chip: SimChip) -> Iterator[ChipInputs]:
    """A contact that is high while the door is open, a button to ground with the chip's own resistor."""
    lines = {Input.CONTACT: LineSection("CONTACT"), Input.EXIT_BUTTON: LineSection(BUTTON, True, "pull_up")}
    with closing(inputs(chip.path, lines, DEBOUNCE_S)) as held:
        assert isinstance(held, ChipInputs)
        yield held


def test_inputs_are_read_with_their_polarity_and_resistor(chip: SimChip, wired: ChipInputs) -> None:
    assert chip.level(BUTTON), "the resistor was switched on"
    assert wired.read() == {Input.CONTACT: False, Input.EXIT_BUTTON: False}
    chip.pull(CONTACT, high=True)
    chip.pull(BUTTON, high=False)
    until(lambda: wired.read() == {Input.CONTACT: True, Input.EXIT_BUTTON: True})


def test_a_change_is_told_once_when_it_has_lasted(chip: SimChip, wired: ChipInputs) -> None:
    begun = time.monotonic()
    chip.pull(CONTACT, high=True)
    assert wired.wait(30.0) == [(Input.CONTACT, True)]
    assert time.monotonic() - begun >= DEBOUNCE_S
    assert wired.wait(0.0) == []


def test_a_bouncing_contact_changes_nothing(chip: SimChip, wired: ChipInputs) -> None:
    for _ in range(10):
        chip.pull(CONTACT, high=True)
        chip.pull(CONTACT, high=False)
    assert wired.wait(2 * DEBOUNCE_S) == []


@pytest.mark.parametrize("debounce_s", [0.0, DEBOUNCE_S])
def test_a_press_between_two_looks_is_not_lost(chip: SimChip, debounce_s: float) -> None:
    button = {Input.EXIT_BUTTON: LineSection(BUTTON, True, "pull_up")}
    with closing(inputs(chip.path, button, debounce_s)) as wired:
        chip.pull(BUTTON, high=False)
        until(lambda: wired._request.wait_edge_events(0.1))  # the simulator merges edges that follow at once
        chip.pull(BUTTON, high=True)
        told: list[tuple[Input, bool]] = []
        until(lambda: told.extend(wired.wait(0.1)) or len(told) >= 2)  # the kernel tells of an edge in its own time
        assert told == [(Input.EXIT_BUTTON, True), (Input.EXIT_BUTTON, False)]
        assert wired.wait(0.0) == []


def test_edges_that_the_kernel_had_to_drop_hide_no_change(chip: SimChip) -> None:
    """It keeps 16 a line and drops the oldest; here the noise of one line pushes out the press of another."""
    lines = {Input.CONTACT: LineSection("CONTACT"), Input.EXIT_BUTTON: LineSection(BUTTON)}
    with closing(inputs(chip.path, lines, 0.0)) as wired:
        chip.pull(BUTTON, high=True)
        for _ in range(100):
            chip.pull(CONTACT, high=True)
            chip.pull(CONTACT, high=False)
        assert (Input.EXIT_BUTTON, True) in wired.wait(1.0)
        assert wired.wait(0.0) == []


def test_inputs_of_a_chip_that_was_pulled_out_fail_at_once(chip: SimChip, wired: ChipInputs) -> None:
    chip.unplug()
    begun = time.monotonic()
    with pytest.raises(HardwareError, match="No such device"):
        wired.wait(30.0)
    assert time.monotonic() - begun < 10.0
