"""GPIO lines: safe from the request on, debounced, and clear about a chip or line that cannot be had."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from edge import doorlines
from edge.doorlines import DoorLines
from edge.doorsection import DoorSection, LineSection
from edge.errors import HardwareError
from edge.facts import InputChanged
from edge.lines import Inputs, Outputs, inputs, outputs, probe
from edge.terms import Input, Lamp
from tests.adapters.brokers import until

CONTACT, BUTTON = 2, 3
DEBOUNCE_S = 0.8


@pytest.fixture
def chip(tmp_path: Path) -> Path:
    """A simulated chip on which everything is active, as a latching relay may be after a crash."""
    path = tmp_path / "chip"
    path.write_bytes(b"\x01" * 64)
    return path


def simulated(path: Path) -> str:
    return f"simulated:{path}"


def put(chip: Path, line: int, active: bool) -> None:
    with chip.open("r+b") as lines:
        lines.seek(line)
        lines.write(bytes([active]))


def test_an_output_is_inactive_from_its_request_on_and_after_it_is_let_go(chip: Path) -> None:
    held = outputs(simulated(chip), {"relay": LineSection(1), "lamp": LineSection("GPIO4")})
    assert [chip.read_bytes()[line] for line in (0, 1, 4, 5)] == [1, 0, 0, 1], "only what was asked for"
    held.set("relay", True)
    assert [chip.read_bytes()[line] for line in (1, 4)] == [1, 0]
    held.close()
    assert chip.read_bytes()[1] == 0


def test_a_chip_is_made_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "new" / "chip"
    outputs(simulated(path), {"relay": LineSection(63)})
    assert path.read_bytes() == bytes(64)


@pytest.mark.parametrize("line", [64, -1, "GPIO64", "GPIO", "GPIO²", "relay", ""])
def test_a_line_that_a_simulated_chip_has_not_is_named(chip: Path, line: int | str) -> None:
    with pytest.raises(HardwareError, match=rf"has no line {line}; its lines are 0 to 63"):
        outputs(simulated(chip), {"relay": LineSection(line)})


def test_a_simulated_chip_that_is_none_says_why(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match=f"{tmp_path} cannot be used: .*directory"):
        outputs(simulated(tmp_path), {"relay": LineSection(1)})


def test_a_chip_that_was_pulled_out_fails_outputs_and_inputs(chip: Path) -> None:
    held = outputs(simulated(chip), {"relay": LineSection(1)})
    read = inputs(simulated(chip), {Input.CONTACT: LineSection(CONTACT)}, 0.0)
    chip.unlink()
    with pytest.raises(HardwareError, match="there is no GPIO chip"):
        held.set("relay", True)
    with pytest.raises(HardwareError, match="there is no GPIO chip"):
        read.wait(1.0)


@pytest.fixture
def door(chip: Path) -> Iterator[Inputs]:
    """A door whose contact and button are inactive."""
    put(chip, CONTACT, False)
    put(chip, BUTTON, False)
    wanted = {Input.CONTACT: LineSection(CONTACT), Input.EXIT_BUTTON: LineSection(BUTTON)}
    with closing(inputs(simulated(chip), wanted, DEBOUNCE_S)) as lines:
        yield lines


def test_inputs_tell_what_is_and_then_every_change_once(chip: Path, door: Inputs) -> None:
    assert door.read() == {Input.CONTACT: False, Input.EXIT_BUTTON: False}
    begun = time.monotonic()
    put(chip, BUTTON, True)
    assert door.wait(60.0) == [(Input.EXIT_BUTTON, True)]
    assert time.monotonic() - begun >= DEBOUNCE_S
    assert door.wait(0.05) == [], "it is told already"
    put(chip, BUTTON, False)
    assert door.wait(60.0) == [(Input.EXIT_BUTTON, False)]


def test_what_bounces_is_told_when_it_rests(chip: Path, door: Inputs) -> None:
    """Half a second of bouncing, each time for less than the debounce time."""
    changes: list[tuple[Input, bool]] = []
    reader = threading.Thread(target=lambda: changes.extend(door.wait(60.0)))
    reader.start()
    rests = 0.0
    for number in range(21):
        rests = time.monotonic()
        put(chip, CONTACT, number % 2 == 0)
        select.select([], [], [], 0.02)
    reader.join()
    assert changes == [(Input.CONTACT, True)]
    assert time.monotonic() - rests >= DEBOUNCE_S
    assert door.wait(0.05) == []


def test_without_a_change_waiting_ends_in_time(door: Inputs) -> None:
    begun = time.monotonic()
    assert door.wait(0.1) == []
    assert time.monotonic() - begun >= 0.1


# What libgpiod itself says, on a machine with or without a chip ------------------------------------------------------


def test_a_chip_that_is_missing_is_named_with_where_to_look() -> None:
    for use in (
        lambda: outputs("/dev/gpiochip-none", {"relay": LineSection(17)}),
        lambda: inputs("/dev/gpiochip-none", {Input.CONTACT: LineSection(27)}, 0.05),
        lambda: probe("/dev/gpiochip-none", [17]),
    ):
        with pytest.raises(HardwareError, match=r"there is no GPIO chip /dev/gpiochip-none\n.*gpiodetect"):
            use()


def test_a_device_that_is_no_chip_says_why() -> None:
    with pytest.raises(HardwareError, match=f"/dev/null, lines 17: .*{os.strerror(19)}"):
        outputs("/dev/null", {"relay": LineSection(17)})


def test_a_lamp_that_cannot_be_had_costs_neither_contact_nor_exit_button(tmp_path: Path) -> None:
    facts: SimpleQueue[object] = SimpleQueue()
    chip = tmp_path / "chip"
    door = DoorSection(
        "main", LineSection(1), f"simulated:{chip}", contact=LineSection(2), exit_button=LineSection(3),
        lamps={"granted": LineSection(4), "refused": LineSection("GPIO99")}, debounce_s=0.0,
    )  # fmt: skip
    lines = DoorLines(door, facts.put)
    lines.start()
    first = {facts.get(timeout=60), facts.get(timeout=60)}
    assert first == {InputChanged("main", Input.CONTACT, False), InputChanged("main", Input.EXIT_BUTTON, False)}
    lines.show(Lamp.GRANTED)
    with chip.open("r+b") as bytes_:
        bytes_.seek(3)
        bytes_.write(b"\x01")
    assert facts.get(timeout=60) == InputChanged("main", Input.EXIT_BUTTON, True)
    lines.stop()
    lines.join(60)
    assert not lines.is_alive() and facts.empty()


def test_lamps_that_come_late_or_again_show_what_they_should(tmp_path: Path) -> None:
    """Of a door without inputs: nothing else has its chip tried again."""
    chip = tmp_path / "hub" / "chip"
    chip.parent.write_text("nothing is plugged in")
    lines = DoorLines(DoorSection("main", LineSection(1), simulated(chip), lamps={"granted": LineSection(4)}), print)
    lines.start()
    until(lambda: lines._dark)
    lines.show(Lamp.GRANTED)
    chip.parent.unlink()
    until(lambda: chip.is_file() and chip.read_bytes()[4:5] == b"\1")
    chip.unlink()
    lines.show(Lamp.GRANTED)
    until(lambda: chip.is_file() and chip.read_bytes()[4:5] == b"\1")
    lines.stop()
    lines.join(60)
    assert not lines.is_alive() and not chip.read_bytes()[4]


class Lamps:
    """Those of a simulated chip, with something that happens whenever one of them is about to be driven."""

    def __init__(self, held: Outputs, happens: Callable[[], object]) -> None:
        self._held, self._happens, self.close = held, happens, held.close

    def set(self, name: str, active: bool) -> None:
        self._happens()
        self._held.set(name, active)


@pytest.fixture
def lamps(chip: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], DoorLines]:
    """The lines of a door with two lamps, when this happens to them."""

    def made(happens: Callable[[], object]) -> DoorLines:
        monkeypatch.setattr(doorlines, "RETRY_S", 0.01)
        monkeypatch.setattr(doorlines, "outputs", lambda *where: Lamps(outputs(*where), happens))
        lit = {"idle": LineSection(4), "granted": LineSection(5)}
        return DoorLines(DoorSection("main", LineSection(1), simulated(chip), lamps=lit), print)

    return made


def test_lamps_that_are_had_but_cannot_be_driven_are_told_once_until_they_can(
    lamps: Callable[[Callable[[], object]], DoorLines], caplog: pytest.LogCaptureFixture
) -> None:
    tried, works = list[bool](), False

    def happens() -> None:
        tried.append(works)
        if not tried[-1]:
            raise HardwareError("the expander does not answer")

    lines = lamps(happens)
    lines.start()
    until(lambda: len(tried) > 5)
    assert caplog.messages == ["the expander does not answer"]
    works = True
    until(lambda: tried.count(True) == 2)
    works = False
    lines.show(Lamp.GRANTED)
    until(lambda: len(caplog.messages) == 2)
    works = True
    until(lambda: lines._lamps)
    lines.stop()
    lines.join(60)
    assert caplog.messages == 2 * ["the expander does not answer"]


def test_lamps_that_fail_are_let_go_of_before_they_are_had_again(
    lamps: Callable[[Callable[[], object]], DoorLines], chip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def happens() -> None:
        raise HardwareError("the expander does not answer")

    lines, had, seen = lamps(happens), doorlines.outputs, list[str]()

    def noted(*where: Any) -> Outputs:
        held = had(*where)
        close = held.close
        seen.append("had")
        held.close = lambda: (seen.append("let go"), close())  # type: ignore[method-assign, assignment]
        return held

    monkeypatch.setattr(doorlines, "outputs", noted)
    lines.start()
    until(lambda: len(seen) > 5)
    lines.stop()
    lines.join(60)
    assert seen == ["had", "let go"] * (len(seen) // 2), "the last ones too"


def test_a_chip_that_is_gone_when_its_lamps_are_let_go_of_is_no_loss_of_inputs(tmp_path: Path) -> None:
    facts: SimpleQueue[object] = SimpleQueue()
    lines = DoorLines(
        DoorSection("main", LineSection(1), simulated(tmp_path / "chip"), lamps={"granted": LineSection(4)}), facts.put
    )
    lines.start()
    until(lambda: lines._lamps)
    held = lines._lamps
    assert held

    def close() -> None:
        raise HardwareError("there is no GPIO chip")

    held.close = close  # type: ignore[method-assign]
    lines.stop()
    lines.join(60)
    assert not lines.is_alive() and facts.empty()


def test_what_is_shown_while_the_lamps_are_had_again_is_what_they_show(
    lamps: Callable[[Callable[[], object]], DoorLines], chip: Path
) -> None:
    gates = list[threading.Thread]()

    def happens() -> None:
        """The gate's thread comes while the lines' thread is half-way."""
        if not gates:
            gates.append(threading.Thread(target=lines.show, args=(Lamp.GRANTED,)))
            gates[0].start()
            gates[0].join(0.5)

    lines = lamps(happens)
    lines.start()
    until(lambda: gates and not gates[0].is_alive() and lines._lamps)
    with lines._driving:
        assert list(chip.read_bytes()[4:6]) == [0, 1]
    lines.stop()
    lines.join(60)
