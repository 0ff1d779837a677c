"""What a gate publishes so that a message to it counts once and now: a random text that changes. Pure but for chance.

Nothing that was recorded, kept by a broker or sent again has the challenge of now; so no clock is needed to say what is
old. A challenge is renewed every minute, with every connection and with every start.
"""

import secrets

CHALLENGE_S = 60.0
"""How long a challenge is published; the one before it still counts for GRACE_S, for who has just read it."""
GRACE_S = 5.0


class Challenge:
    """Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._former, self._former_until = "", now
        self.text, self._renew_at = secrets.token_urlsafe(12), now + CHALLENGE_S

    def renewed(self, now: float) -> bool:
        """Replace it when its time is over; True when that is to be published."""
        if now < self._renew_at:
            return False
        self._former, self._former_until = self.text, now + GRACE_S
        self.text, self._renew_at = secrets.token_urlsafe(12), now + CHALLENGE_S
        return True

    def accepts(self, text: str, now: float) -> bool:
        """Whether this is the challenge of now, or was until a moment ago."""
        return text == self.text or (text == self._former and now < self._former_until)
