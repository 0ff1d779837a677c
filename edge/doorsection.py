"""The table of a door in the configuration: its lines, its times and what it asks of people."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edge.errors import Phrase
from edge.sections import Line, Name
from edge.strict import Problem
from edge.terms import Input

LineName = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+\Z", description="a name in quotes")]
LineOffset = Annotated[int, Meta(ge=0, le=1023)]


class LineSection(Struct, forbid_unknown_fields=True):
    """One GPIO line, written as `{ line = 17, active_low = true }`."""

    line: LineName | LineOffset
    """Its name, or its offset on the chip."""
    active_low: bool = False
    """Whether it is active when its level is low."""
    bias: Literal["as_is", "pull_up", "pull_down", "disabled"] = "as_is"
    """The resistor of an input."""


class DoorSection(Struct, forbid_unknown_fields=True):
    """One door, its lines and its times; a table for each door."""

    name: Name
    """Unique within the gate."""
    relay: LineSection
    """The output that releases the door."""
    chip: Line = "/dev/gpiochip0"
    """A GPIO character device, or `simulated:PATH`. A USB adapter goes by a udev link: docs/wiring.md."""
    contact: LineSection | None = None
    """Active while the door leaf is open. Without it the door's state is unknown and nothing is forced or held."""
    exit_button: LineSection | None = None
    """Active while pressed."""
    tamper: LineSection | None = None
    """Active while the housing is open."""
    fire: LineSection | None = None
    """Active while the fire alarm releases the door, which is wired in hardware; here it is only reported."""
    supply: LineSection | None = None
    """Active while the lock's supply has failed."""
    feedback: LineSection | None = None
    """Active while the relay is: its second contact. One that says otherwise than the relay guard is a fault."""
    lamps: dict[Literal["look", "granted", "refused", "turn_left", "turn_right"], LineSection] = field(
        default_factory=dict
    )
    """Outputs that tell the person in front of the door what to do."""
    pulse_s: Annotated[float, Meta(ge=0.1, le=30)] = 3.0
    """How long the relay is energised after a grant."""
    hard_limit_s: Annotated[float, Meta(ge=0.2, le=60)] = 5.0
    """The longest that the relay guard ever energises the relay, whatever it is asked."""
    held_open_s: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    """How long the door may stay open before that is an alarm."""
    debounce_s: Annotated[float, Meta(ge=0.0, le=0.4)] = 0.05
    """How long an input must be stable to count. One that is active for 400 ms always counts."""
    chatter_changes: Annotated[int, Meta(ge=5, le=1000)] = 30
    """An input that changes more often than this within `chatter_within_s` chatters: a fault until it keeps still."""
    chatter_within_s: Annotated[float, Meta(ge=1, le=600)] = 10.0
    """Over how long the changes of an input are counted."""
    held_again_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """How often a door that is still held open is reported again; 0 is never."""
    extended_pulse_s: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """How long the relay is energised for people whose record asks for more time; 0 is as for everybody."""
    extended_held_open_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """How long the door may stay open for them; 0 is as for everybody."""
    interlock: list[Name] = field(default_factory=list)
    """The other doors of a sluice: this one opens only when all of them are known to be shut.

    The exit button and the command `lock-open` wait for nothing.
    """
    unlocked: str = ""
    """The schedule by which this door stands unlocked, if it ever does."""
    opens_with: list[Literal["face", "pass", "card"]] = field(default_factory=lambda: ["face", "pass"])
    """What may say who somebody is."""
    second_factors: list[Literal["pin", "card", "pass", "face", "head_turn"]] = field(default_factory=list)
    """What counts as a second factor here. `head_turn` only settles a doubt about liveness; it needs the two lamps."""
    second_factor: Literal["doubt", "always"] = "doubt"
    """When one is asked for: when liveness is in doubt or not available, or always."""
    second_factor_s: Annotated[float, Meta(ge=1, le=120)] = 15.0
    """How long the gate waits for it."""
    people: Annotated[int, Meta(ge=1, le=2)] = 1
    """2 is the two-person rule: nobody passes alone."""
    second_person_s: Annotated[float, Meta(ge=1, le=120)] = 15.0
    """How long the first person waits for the second."""

    def lines(self) -> dict[str, LineSection]:
        """Every line of this door by its key."""
        named = {key: getattr(self, key) for key in ("relay", *map(str, Input))}
        lamps = {f"lamps.{name}": line for name, line in self.lamps.items()}
        return {key: line for key, line in {**named, **lamps}.items() if line}

    def problems(self) -> Iterator[Problem]:
        if self.pulse_s > self.hard_limit_s:
            text = "{pulse} is longer than hard_limit_s, {limit}"
            yield "pulse_s", Phrase(text, pulse=self.pulse_s, limit=self.hard_limit_s)
        if self.held_open_s <= self.pulse_s:
            text = "{held} is not longer than pulse_s, {pulse}"
            yield "held_open_s", Phrase(text, held=self.held_open_s, pulse=self.pulse_s)
        if self.extended_pulse_s > self.hard_limit_s:
            text = "{pulse} is longer than hard_limit_s, {limit}"
            yield "extended_pulse_s", Phrase(text, pulse=self.extended_pulse_s, limit=self.hard_limit_s)
        if self.second_factor == "always" and not self.second_factors:
            yield "second_factors", Phrase('is needed with second_factor = "always"')
        if "head_turn" in self.second_factors and not {"turn_left", "turn_right"} <= set(self.lamps):
            yield "lamps", Phrase("must name turn_left and turn_right, which head_turn shows")
        if self.interlock and not self.contact:
            yield "contact", Phrase("is needed with interlock: the other door must know whether this one is shut")
        first: dict[str | int, str] = {}
        for key, line in self.lines().items():
            if line.line in first:
                yield key, Phrase("line {line} is used by {other} already", line=line.line, other=first[line.line])
            first.setdefault(line.line, key)
