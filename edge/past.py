"""What a simulated gate has behind it: days of invented passages and refusals in its event log, for the charts."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge.doorevents import AccessDenied, AccessGranted, AccessTaken
from edge.eventlog import EventLog, Pending
from edge.presence import Liveness, Motion, Verdict
from edge.terms import Evidence, Now, Quality, Reason

DAY_S = 86_400.0
BUSY = {7: 3, 8: 12, 9: 8, 10: 4, 11: 5, 12: 9, 13: 7, 14: 5, 15: 3, 16: 3, 17: 8, 18: 5, 19: 1}
"""How busy each hour of a working day is, on the clock of a site eight hours east of UTC."""
ZONE = timezone(timedelta(hours=8))
WEEKEND, SATURDAY = 0.15, 5
REFUSED = {
    Reason.CREDENTIAL_NOT_FOUND: 0.055, Reason.LIVENESS_UNSURE: 0.012, Reason.NOT_PERMITTED_AT_THIS_TIME: 0.008,
    Reason.UNAUTHORIZED: 0.006, Reason.CREDENTIAL_EXPIRED: 0.004, Reason.PRESENTATION_ATTACK: 0.001,
}  # fmt: skip


def remember(path: Path, site: str, gate: str, door: str, days: int, people: int, now: float) -> None:
    """Begin the event log of a gate with the days before `now` (UTC seconds); a log that is there is left alone."""
    if path.exists():
        return
    log = EventLog(path, site, gate)
    log.append(sorted(_passages(random.Random(gate), door, days, people, now), key=lambda each: each.now.utc))
    log.close()


def _passages(rnd: random.Random, door: str, days: int, people: int, now: float) -> Iterator[Pending]:
    size = rnd.uniform(0.5, 1.2)
    for back in range(days, 0, -1):
        midnight = (now + 8 * 3600) // DAY_S * DAY_S - 8 * 3600 - back * DAY_S
        weekend = datetime.fromtimestamp(midnight, ZONE).weekday() >= SATURDAY
        for hour, share in BUSY.items():
            for _ in range(round(size * share * rnd.uniform(0.8, 1.2) * (WEEKEND if weekend else 1.0))):
                at = midnight + (hour + rnd.random()) * 3600
                yield from _passage(rnd, door, f"p{rnd.randrange(people):03}", at)


def _passage(rnd: random.Random, door: str, person: str, at: float) -> Iterator[Pending]:
    roll, evidence = rnd.random(), _evidence(rnd)
    for reason, share in REFUSED.items():
        if (roll := roll - share) < 0:
            yield Pending(door, AccessDenied(reason, evidence, rnd.uniform(900, 1500)), Now(0.0, at))
            return
    yield Pending(door, AccessGranted(person, evidence), Now(0.0, at))
    yield Pending(door, AccessTaken(person), Now(0.0, at + rnd.uniform(1, 3)))


def _evidence(rnd: random.Random) -> Evidence:
    quality = Quality(rnd.uniform(55, 110), rnd.uniform(0.6, 1.0), rnd.gauss(0, 6), rnd.gauss(0, 4), 0.5)
    live = Liveness(Verdict.LIVE, 0.96, Motion.OWN, 0.05, 3, 0.5)
    score = rnd.gauss(0.74, 0.05)
    return Evidence("entrance", rnd.randrange(10**6), "votes", "zoo", 3, 60.0, quality, live, score, 0.3, 0.44, 12)
