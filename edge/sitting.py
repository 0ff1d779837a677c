"""A sitting: somebody before a camera of the desk, told what to do until there are a few good pictures."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from edge.config import CameraSection, Credentials
from edge.display import ADVICE
from edge.enroll import Portrait, distinct, portrait
from edge.errors import PhotoError
from edge.faces import Vision
from edge.i18n import N_
from edge.picture import Picture
from edge.viewfinder import looking

ENOUGH = 4
"""So many pictures that differ are what a film gives too; a person who moves a little has them in seconds."""
EVERY_S = 0.4
LONGEST_S, AFTER_GOOD_S = 60.0, 10.0
"""How long somebody is waited for, and how long one good picture waits for others."""
WORDS = {shortcoming.value: text for shortcoming, text in ADVICE.items()} | {
    "no_face": N_("Please stand before the camera"),
    "several_faces": N_("One person at a time, please"),
    "not_upright": N_("Please hold your head upright"),
}
GOOD = N_("Good, that is {count} of {enough}. Please turn your head a little")
Tell = Callable[..., None]
"""Told what the person is to do: a text, and what stands in its braces."""


def sit(section: CameraSection, credentials: Credentials, vision: Vision, tell: Tell) -> list[Portrait]:
    """The good pictures of whoever sits before this camera, one at least.

    LinkError when the camera gives no pictures; PhotoError with what was wrong most often when none was good.
    """
    sitting = Sitting(section.name, vision, tell)
    with looking(section, credentials) as through:
        while not sitting.over(time.monotonic()):
            if frame := through.frame():
                sitting.look(frame.picture, time.monotonic())
        if not (sitting.portraits or sitting.refused):
            raise through.silent()
    if not sitting.portraits:
        often = Counter(error.reason for error in sitting.refused)
        raise max(sitting.refused, key=lambda error: often[error.reason])
    return sitting.portraits


class Sitting:
    """What has come of the pictures so far. Times are monotonic seconds."""

    def __init__(self, name: str, vision: Vision, tell: Tell) -> None:
        self._name, self._vision, self._tell = name, vision, tell
        self._begun = self._looked = time.monotonic()
        self._good_since = 0.0
        self.portraits: list[Portrait] = []
        self.refused: list[PhotoError] = []
        self._said = ""

    def over(self, now: float) -> bool:
        if self.portraits and now - self._good_since >= AFTER_GOOD_S:
            return True
        return len(self.portraits) >= ENOUGH or now - self._begun >= LONGEST_S

    def look(self, picture: Picture, now: float) -> None:
        """Take in a picture, if it is time for one, and say what would make the next better."""
        if now - self._looked < EVERY_S:
            return
        self._looked = now
        image = picture.scaled(picture.width, picture.height)
        try:
            found = portrait(Path(f"{self._name} ({now - self._begun:.1f} s)"), image, self._vision)
        except PhotoError as error:
            self.refused.append(error)
            self._say(WORDS[error.reason])
            return
        self._good_since = self._good_since or now
        self.portraits = distinct([*self.portraits, found])[0]
        self._say(GOOD, count=len(self.portraits), enough=ENOUGH)

    def _say(self, text: str, **values: int) -> None:
        """Once, until there is something else to say."""
        said = text.format(**values)
        if said != self._said:
            self._said = said
            self._tell(text, **values)
