"""What a gate publishes so that a message to it counts once and now: a random text that changes. Pure but for chance.

Nothing that was recorded, kept by a broker or sent again has the challenge of now; so no clock is needed to say what is
old. A challenge is renewed every minute, with every connection and with every start; its age ends it, too, where nobody
came to renew it: a process that stood still, or that is seldom asked, takes nothing that was meant for long ago.
"""

import secrets

CHALLENGE_S = 60.0
"""How long a challenge is published."""
GRACE_S = 5.0
"""How much longer it counts, for who has just read it."""


class Challenge:
    """Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._former, self._former_until = "", now
        self._begin(now)

    def renewed(self, now: float) -> bool:
        """Replace it when its time is over; True when that is to be published."""
        if now < self._renew_at:
            return False
        self._former, self._former_until = self.text, self._until
        self._begin(now)
        return True

    def accepts(self, text: str, now: float) -> bool:
        """Whether this is the challenge of now, or was until a moment ago."""
        known = (self.text, self._until), (self._former, self._former_until)
        return any(text == each and now < until for each, until in known)

    def _begin(self, now: float) -> None:
        self.text, self._renew_at = secrets.token_urlsafe(12), now + CHALLENGE_S
        self._until = self._renew_at + GRACE_S
