"""What a display at a door shows the person before it: what to do, in both languages, and nothing about who it is.

Optional (`[gate] display`). The lamp speaks for the gate's decision; where it has nothing to say, the quality gate
says what keeps the face from being compared. Repeated at every heartbeat, so that a display may come late.
"""

import time
from collections.abc import Callable, Mapping

import msgspec

from edge.i18n import N_, speaking
from edge.quality import Shortcoming
from edge.terms import Lamp
from edge.transport import Display

LANGUAGES = {"en": "en", "zh": "zh_CN"}
LAMPS = {
    Lamp.IDLE: "",
    Lamp.LOOK: N_("Please look into the camera"),
    Lamp.GRANTED: N_("Please pass"),
    Lamp.REFUSED: N_("No entry. Please ask at the desk"),
    Lamp.TURN_LEFT: N_("Please turn your head to the left"),
    Lamp.TURN_RIGHT: N_("Please turn your head to the right"),
}
ADVICE = {
    Shortcoming.TOO_SMALL: N_("Please come nearer"),
    Shortcoming.TURNED_AWAY: N_("Please turn to the camera"),
    Shortcoming.LOOKS_UP_OR_DOWN: N_("Please look straight into the camera"),
    Shortcoming.TOO_DARK: N_("It is too dark for the camera here"),
    Shortcoming.TOO_BRIGHT: N_("There is too much light behind or on you"),
    Shortcoming.BLURRED: N_("Please hold still"),
    Shortcoming.EYES_COVERED: N_("Please take off the dark glasses"),
    Shortcoming.MOUTH_COVERED: N_("Please uncover your mouth and nose"),
}
OPEN_TO_ADVICE = frozenset({Lamp.IDLE, Lamp.LOOK})
STALE_S = 3.0
"""An eye says its advice again every second; what is older is about nobody."""


class Displays:
    """The displays at the doors of one gate. `doors` says which door a camera looks at."""

    def __init__(self, doors: Mapping[str, str], publish: Callable[[str, bytes], None]) -> None:
        self._doors = {camera: door for camera, door in doors.items() if door}
        self._publish = publish
        self._lamps = dict.fromkeys(self._doors.values(), Lamp.IDLE)
        self._advice: dict[str, tuple[Shortcoming, float]] = {}
        self._shown: dict[str, str] = {}

    def lamp(self, door: str, lamp: Lamp) -> None:
        if door in self._lamps:
            self._lamps[door] = lamp
            self._show(door)

    def advise(self, camera: str, shortcoming: Shortcoming | None) -> None:
        """What the eye of a camera would have the nearest person do, or None."""
        if not (door := self._doors.get(camera)):
            return
        if shortcoming:
            self._advice[door] = shortcoming, time.monotonic()
        else:
            self._advice.pop(door, None)
        self._show(door)

    def again(self) -> None:
        """Say everything once more."""
        self._shown.clear()
        for door in self._lamps:
            self._show(door)

    def _show(self, door: str) -> None:
        advice, since = self._advice.get(door, (None, 0.0))
        lamp = self._lamps[door]
        if advice and lamp in OPEN_TO_ADVICE and time.monotonic() - since < STALE_S:
            code, text = advice.value, ADVICE[advice]
        else:
            code, text = lamp.value, LAMPS[lamp]
        if self._shown.get(door) == code:
            return
        self._shown[door] = code
        said = {name: speaking(language)(text) if text else "" for name, language in LANGUAGES.items()}
        self._publish(door, msgspec.json.encode(Display(door, code, said)))
