"""Dates are judged by a clock that is known to be right, or by the last one that was."""

import secrets
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest

from edge import models
from edge.clock import KEEP_EVERY_S, Calendar, Clock, LeastTime
from edge.lone import Loaded, WhitelistSource
from edge.seal import Seal
from edge.terms import Now
from edge.whitelist import Consent, Whitelist
from tests.adapters.clocks import Hands

DAY = date(2026, 11, 24)


class SetClock(Clock):
    """A clock that shows noon of a day."""

    def __init__(self, day: date, trusted: bool) -> None:
        self.shows = day, trusted

    def now(self) -> Now:
        day, trusted = self.shows
        return Now(time.monotonic(), datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp(), trusted)


def later(days: int) -> date:
    return DAY + timedelta(days=days)


@pytest.mark.parametrize("shown", [date(1970, 1, 2), date(2099, 1, 1)])
def test_an_untrusted_clock_has_no_say_also_after_a_restart(tmp_path: Path, shown: date) -> None:
    clock = SetClock(DAY, True)
    calendar = Calendar(tmp_path / "last-day", clock)
    assert calendar.today() == DAY
    clock.shows = shown, False
    assert calendar.today() == Calendar(tmp_path / "last-day", clock).today() == DAY
    clock.shows = later(3), True
    assert calendar.today() == later(3)


@pytest.mark.parametrize(("zone", "day"), [("Asia/Shanghai", DAY), ("Pacific/Kiritimati", later(1))])
def test_a_day_begins_when_it_does_at_the_site(tmp_path: Path, zone: str, day: date) -> None:
    calendar = Calendar(tmp_path / "last-day", SetClock(DAY, True), zone)
    assert calendar.peek() == day and not (tmp_path / "last-day").exists(), "to look keeps nothing"
    assert calendar.today() == day and (tmp_path / "last-day").read_text() == str(day)


def test_a_clock_that_was_never_trusted_ends_nothing(tmp_path: Path) -> None:
    assert Calendar(tmp_path / "last-day", SetClock(DAY, False)).today() == date.min
    (tmp_path / "last-day").write_bytes(b"\xff\x00")
    assert Calendar(tmp_path / "last-day", SetClock(DAY, False)).today() == date.min


def test_a_day_that_cannot_be_kept_still_counts(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    assert Calendar(tmp_path / "state" / "last-day", SetClock(DAY, True)).today() == DAY


def test_an_enrolment_ends_on_its_day_and_no_wrong_clock_revives_or_ends_it(tmp_path: Path) -> None:
    store = Whitelist(tmp_path / "whitelist.sqlite", Seal(secrets.token_bytes(32)), write=True)
    pack, loaded = models.manifest("registry"), SimpleQueue[object]()
    faces = np.eye(192, dtype=np.float32)
    store.enroll("ann", Consent("form", "access", later(1)), pack.id, faces[:1])
    clock = SetClock(DAY, True)
    source = WhitelistSource(store, pack, 0.01, tmp_path, Calendar(tmp_path / "last-day", clock).today, loaded.put)
    source.start()
    assert people(loaded) == 1
    clock.shows = later(900), False
    store.enroll("bob", Consent("form", "access", later(9)), pack.id, faces[1:2])
    assert people(loaded) == 2
    clock.shows = later(2), True
    assert people(loaded) == 1, "ann's time is over"
    clock.shows = DAY, False
    store.enroll("eve", Consent("form", "access", later(9)), pack.id, faces[2:3])
    assert people(loaded) == 2, "bob and eve"
    source.stop()
    source.join(60)


def people(loaded: "SimpleQueue[object]") -> int:
    found = loaded.get(timeout=60)
    assert isinstance(found, Loaded)
    return found.fact.people


@pytest.mark.parametrize("shown", [0.0, 2e9])
def test_what_the_time_is_at_least_goes_on_by_itself_and_is_kept_whatever_an_untrusted_clock_shows(
    tmp_path: Path, shown: float
) -> None:
    path, clock = tmp_path / "last-time", Hands(1e9, True)
    least = LeastTime(path, clock)
    assert least.now() == 1e9
    clock.shows = Now(5.0, shown, False)
    assert least.now() == 1e9 + 5.0
    clock.shows = Now(5.0 + KEEP_EVERY_S, shown, False)
    assert least.now() == 1e9 + 5.0 + KEEP_EVERY_S
    clock.shows = Now(2.0, shown, False)  # after a power cut
    least = LeastTime(path, clock)
    clock.shows = Now(9.0, shown, False)
    assert least.now() == 1e9 + 5.0 + KEEP_EVERY_S + 7.0, "cuts of the power do not make it begin anew"
    clock.shows = Now(10.0, 1e9 + 7.0, True)
    assert least.now() == LeastTime(path, clock).now() == 1e9 + 7.0, "a clock that is set has the last word"


@pytest.mark.parametrize("kept", [b"", b"nan", b"inf", b"\xff\x00"])
def test_without_a_time_that_was_kept_what_was_signed_last_is_certain(tmp_path: Path, kept: bytes) -> None:
    path, clock = tmp_path / "last-time", Hands(0.0, False, 3.0)
    path.write_bytes(kept)
    least = LeastTime(path, clock)
    assert least.now() == 0.0 and least.now(1e9) == 1e9
    clock.shows = Now(10.0, 0.0, False)
    assert least.now(1e9) == 1e9 + 7.0
