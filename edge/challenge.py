"""What a gate publishes so that a message to it counts once and now: a random text that changes. Pure but for chance.

Nothing that was recorded, kept by a broker or sent again has the challenge of now; so no clock is needed to say what is
old. A challenge is renewed every minute, with every connection and with every start; its age ends it, too, where nobody
came to renew it: a process that stood still, or that is seldom asked, takes nothing that was meant for long ago.
Whoever looks regularly is told, too, since when a message of now may have waited for that.
"""

import math
import secrets

CHALLENGE_S = 60.0
"""How long a challenge is published."""
GRACE_S = 5.0
"""How much longer it counts, for who has just read it."""


class Challenge:
    """Times are monotonic seconds. `renewed` is called after each look for messages; who looks regularly, and then not
    for `still_s`, stood still.
    """

    def __init__(self, now: float, still_s: float = math.inf) -> None:
        self._still_s, self._looked = still_s, now
        self._former, self._former_until, self._former_heard = "", now, now
        self._begin(now)

    def renewed(self, now: float) -> bool:
        """Replace it when its time is over, or we stood still; True when that is to be published."""
        looked, self._looked = self._looked, now
        stood = now - looked > self._still_s
        if now < self._renew_at and not stood:
            return False
        self._former, self._former_until = self.text, self._until
        self._former_heard = looked if stood else math.inf  # much may wait, and it takes many looks until all is read
        self._begin(now)
        return True

    def accepts(self, text: str, now: float) -> bool:
        """Whether this is the challenge of now, or was until a moment ago."""
        return self.heard(text, now) is not None

    def heard(self, text: str, now: float) -> float | None:
        """When a message with this challenge can have arrived at the earliest; None when it is none of now."""
        if text == self.text and now < self._until:
            return self._looked
        if text == self._former and now < self._former_until:
            return min(self._looked, self._former_heard)
        return None

    def _begin(self, now: float) -> None:
        self.text, self._renew_at = secrets.token_urlsafe(12), now + CHALLENGE_S
        self._until = self._renew_at + GRACE_S
