"""The invented past of a simulated gate: a working week, and a weekend on which hardly anybody comes."""

import random
from collections import Counter
from datetime import date, datetime

from edge.doorevents import AccessGranted
from edge.past import ZONE, _passages


def test_hardly_anybody_comes_on_saturday_and_sunday() -> None:
    now = datetime(2026, 11, 27, 4, 0, tzinfo=ZONE).timestamp()
    passages = _passages(random.Random(1), "door/main", 14, 180, now)
    granted = [each for each in passages if isinstance(each.event, AccessGranted)]
    days = Counter(datetime.fromtimestamp(each.now.utc, ZONE).date() for each in granted)
    assert (min(days), max(days)) == (date(2026, 11, 13), date(2026, 11, 26)) and len(days) == 14
    busy = [number for day, number in days.items() if day.weekday() < 5]
    quiet = [number for day, number in days.items() if day.weekday() >= 5]
    assert len(quiet) == 4 and 3 * max(quiet) < min(busy)
