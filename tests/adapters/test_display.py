"""Which of lamp and advice a display shows, and for how long."""

import msgspec
import pytest

from edge import display
from edge.display import ADVICE, LAMPS, Displays
from edge.quality import Shortcoming
from edge.terms import Lamp
from edge.transport import Display


class Screen:
    def __init__(self) -> None:
        self.displays = Displays({"hall": "main", "yard": ""}, self._take)
        self.shown: list[Display] = []

    def _take(self, door: str, payload: bytes) -> None:
        self.shown.append(msgspec.json.decode(payload, type=Display))

    @property
    def codes(self) -> list[str]:
        return [each.code for each in self.shown]


def test_advice_is_shown_while_the_lamp_has_nothing_more_to_say() -> None:
    screen = Screen()
    screen.displays.lamp("main", Lamp.LOOK)
    screen.displays.advise("hall", Shortcoming.MOUTH_COVERED)
    screen.displays.lamp("main", Lamp.REFUSED)
    screen.displays.advise("hall", Shortcoming.TOO_DARK)
    screen.displays.lamp("main", Lamp.IDLE)
    screen.displays.advise("hall", None)
    assert screen.codes == ["look", "mouth_covered", "refused", "too_dark", "idle"]
    screen.displays.advise("yard", Shortcoming.BLURRED)
    screen.displays.lamp("back", Lamp.GRANTED)
    assert len(screen.codes) == 5, "no door, no display"


def test_what_is_shown_is_said_again_and_advice_that_nobody_repeats_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    screen.displays.advise("hall", Shortcoming.TOO_DARK)
    screen.displays.again()
    now = display.time.monotonic()
    monkeypatch.setattr(display.time, "monotonic", lambda: now + display.STALE_S)
    screen.displays.again()
    assert screen.codes == ["too_dark", "too_dark", "idle"]


def test_every_lamp_and_shortcoming_has_words_in_both_languages() -> None:
    assert ADVICE.keys() == set(Shortcoming) and LAMPS.keys() == set(Lamp)
    screen = Screen()
    for lamp in Lamp:
        screen.displays.lamp("main", lamp)
    for shown in screen.shown:
        assert shown.text.keys() == {"en", "zh"} and (shown.text["en"] != shown.text["zh"]) == bool(
            LAMPS[Lamp(shown.code)]
        )
