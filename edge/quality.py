"""Whether a face is good enough to be compared, in the terms of ISO/IEC 29794-5: one rule for enrolment and gate."""

from enum import StrEnum

from msgspec import Struct

from edge.terms import Quality


class Shortcoming(StrEnum):
    """What is wrong with a face, the first thing to mend first."""

    TOO_SMALL = "too_small"
    TURNED_AWAY = "turned_away"
    LOOKS_UP_OR_DOWN = "looks_up_or_down"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    EYES_COVERED = "eyes_covered"
    MOUTH_COVERED = "mouth_covered"


class QualityGate(Struct, frozen=True):
    """What a face must be; in the units of `edge.terms.Quality`. How large it must be says the camera or the desk."""

    least_sharpness: float = 0.12
    most_yaw: float = 35.0
    most_pitch: float = 30.0
    least_brightness: float = 0.12
    most_brightness: float = 0.92
    least_eyes: float = 0.2
    least_mouth: float = 0.35
    least_eye_distance_px: float = 0.0

    def passes(self, quality: Quality) -> bool:
        return self.shortcoming(quality) is None

    def reserve(self, quality: Quality) -> float:
        """How far a face is from the nearest of these limits, as a share of the way: 0 at one, 1 could not be better.

        What is worst decides, as it does when the face is compared.
        """
        middle = (self.least_brightness + self.most_brightness) / 2
        return min(
            1 - self.least_eye_distance_px / max(quality.eye_distance_px, 1e-9),
            1 - self.least_sharpness / max(quality.sharpness, 1e-9),
            1 - abs(quality.yaw) / self.most_yaw,
            1 - abs(quality.pitch) / self.most_pitch,
            1 - abs(quality.brightness - middle) / (self.most_brightness - middle),
        )

    def shortcoming(self, quality: Quality) -> Shortcoming | None:
        """What a person should mend first, or None; what is no number is never good."""
        good = {
            Shortcoming.TOO_SMALL: quality.eye_distance_px >= self.least_eye_distance_px,
            Shortcoming.TURNED_AWAY: abs(quality.yaw) <= self.most_yaw,
            Shortcoming.LOOKS_UP_OR_DOWN: abs(quality.pitch) <= self.most_pitch,
            Shortcoming.TOO_DARK: quality.brightness >= self.least_brightness,
            Shortcoming.TOO_BRIGHT: quality.brightness <= self.most_brightness,
            Shortcoming.BLURRED: quality.sharpness >= self.least_sharpness,
            Shortcoming.EYES_COVERED: quality.eyes >= self.least_eyes,
            Shortcoming.MOUTH_COVERED: quality.mouth >= self.least_mouth,
        }
        return next((shortcoming for shortcoming, fine in good.items() if not fine), None)


ENROLMENT = QualityGate(least_eye_distance_px=40.0)
"""The limits of the gate, and how large a face must be for a template."""
