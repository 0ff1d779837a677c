"""The gate's own lines of one door: inputs become facts, lamps show what the person should know.

The relay is not among them; the relay guard alone holds it.
"""

import contextlib
import logging
import threading

from edge.config import DoorSection, LineSection
from edge.errors import HardwareError
from edge.facts import InputChanged, InputLost
from edge.lines import Inputs, Outputs, inputs, outputs
from edge.sources import Put, Source
from edge.terms import Input, Lamp

RETRY_S = 1.0
WAIT_S = 0.5

log = logging.getLogger(__name__)


class DoorLines(Source):
    """Reads a door's inputs and drives its lamps; a chip that is missing is tried again every second."""

    def __init__(self, door: DoorSection, put: Put) -> None:
        super().__init__(f"lines of {door.name}", put)
        self._door = door
        named = {name: getattr(door, name.value) for name in Input}
        self._wanted: dict[Input, LineSection] = {name: line for name, line in named.items() if line}
        self._lamps: Outputs | None = None
        self._failed: Outputs | None = None
        """Lamps that could not be driven, and are to be let go of."""
        self._shown, self._dark = Lamp.IDLE, ""
        """What the lamps should show, and why they do not."""
        self._driving = threading.Lock()
        """The gate's thread takes it: it is never held while lines are requested or let go."""

    def show(self, lamp: Lamp) -> None:
        """Light one lamp and put out the others; a lamp that cannot be driven stops nobody."""
        with self._driving:
            self._shown = lamp
            if lamps := self._lamps:
                self._drive(lamps)

    def _drive(self, lamps: Outputs) -> None:
        try:
            for name in self._door.lamps:
                lamps.set(name, name == self._shown.value)
        except HardwareError as error:
            self._lamps, self._failed = None, lamps  # they are had again when the chip is back
            self._tell_dark(str(error))
        else:
            self._dark = ""

    def _tell_dark(self, why: str) -> None:
        """Once, however often they are tried."""
        if self._dark != why:
            log.warning("%s", why)
        self._dark = why

    def listen(self) -> None:
        while not self._stopped.is_set():
            try:
                self._serve()
            except HardwareError as error:
                self._put(InputLost(self._door.name, str(error)))
                self._stopped.wait(RETRY_S)

    def _serve(self) -> None:
        """Hold the lines until stopped; HardwareError when they cannot be had or are lost."""
        door = self._door
        self._light()
        try:
            if self._wanted:
                self._read(inputs(door.chip, self._wanted, door.debounce_s))
            while not self._stopped.wait(RETRY_S):
                self._light()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Of the lamps, and of what is left of them; HardwareError of one says that it was let go all the same."""
        with self._driving:
            held = [each for each in (self._lamps, self._failed) if each]
            self._lamps = self._failed = None
        for lamps in held:
            with contextlib.suppress(HardwareError):
                lamps.close()

    def _light(self) -> None:
        """Have the lamps; that they cannot be had must not cost the inputs, the exit button among them."""
        door = self._door
        if self._lamps or not door.lamps:
            return
        self._let_go()
        try:
            lamps = outputs(door.chip, {str(name): line for name, line in door.lamps.items()})
        except HardwareError as error:
            self._tell_dark(str(error))
            return
        with self._driving:
            self._lamps = lamps
            self._drive(lamps)

    def _read(self, lines: Inputs) -> None:
        try:
            for name, active in lines.read().items():
                self._put(InputChanged(self._door.name, name, active))
            while not self._stopped.is_set():
                for name, active in lines.wait(WAIT_S):
                    self._put(InputChanged(self._door.name, name, active))
                self._light()
        finally:
            lines.close()
