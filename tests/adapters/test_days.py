"""Days and times that are typed at a desk are those of the site, whatever its machine is set to."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge import forms, sheet
from edge.authority import Authority
from edge.clock import Clock, today_at
from edge.config import load_place
from edge.enrolled import Applicant, Bounds, Consent, Standing
from edge.errors import ConfigurationError, RefusedError
from edge.requests import Admit, Refused
from edge.seal import new_sealing_key
from edge.timetable import CalendarSection
from edge.whitelist import KEY, Whitelist
from tests.adapters.rooms import PACK, furnished
from tests.commands import answer, complaint, run
from tests.conftest import ROOT

EAST, WEST = "Pacific/Kiritimati", "Etc/GMT+12"
"""26 hours apart: it is never the same day in both."""
NEW_YEAR = datetime(2098, 1, 1, tzinfo=ZoneInfo(EAST)).timestamp()


class Desk:
    """A desk at the end of the world, on a machine that is set to its other end."""

    def __init__(self, root: Path) -> None:
        self._file, credentials = root / "desk.toml", root / "credentials"
        self.moves(EAST)
        new_sealing_key(credentials / KEY)
        self.options = ["--config", self._file, "--credentials", credentials]

    def moves(self, zone: str) -> None:
        place = f'[desk]\nsite = "hq"\nstate_dir = "{self._file.parent}/state"\n[models]\npack = "zoo"\n'
        self._file.write_text(f'{place}[calendar]\ntime_zone = "{zone}"')

    def enroll(self, *more: object) -> list[object]:
        who = ["enroll", "Ann", "--without-face", "--consent", "form", "--purpose", "entry"]
        return [*who, "--retain-until", "2097-12-31", *more, *self.options]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("TZ", WEST)
    return Desk(tmp_path)


def bounds(told: Any) -> tuple[float, float]:
    return told["bounds"]["valid_from"], told["bounds"]["valid_until"]


def test_a_validity_begins_and_ends_with_the_days_of_the_site(desk: Desk, tmp_path: Path) -> None:
    told = answer(*desk.enroll("--valid-from", "2097-01-01T09:00", "--valid-until", "2097-12-31"))
    nine = datetime(2097, 1, 1, 9, tzinfo=ZoneInfo(EAST)).timestamp()
    assert bounds(told) == (nine, pytest.approx(NEW_YEAR, abs=0.001))
    told = answer("people", "edit", told["id"], "--valid-from", "2097-01-02", *desk.options)
    assert told["bounds"]["valid_from"] == nine + 15 * 3600
    shown = run("people", "show", told["id"], *desk.options).stdout
    assert "2097-01-02T00:00+14:00" in shown and "2097-12-31T23:59+14:00" in shown
    answer("people", "export", "--out", tmp_path / "people.csv", *desk.options)
    assert "2097-01-02T00:00:00+14:00" in (tmp_path / "people.csv").read_text()


def test_who_may_pass_in_the_first_hour_after_the_last_day_of_the_site_is_refused(desk: Desk) -> None:
    late = "2098-01-01T00:30"
    assert "goes beyond 2097-12-31" in complaint(*desk.enroll("--valid-until", late))
    told = answer(*desk.enroll("--valid-until", "2097-12-31T23:30"))
    assert "goes beyond" in complaint("people", "edit", told["id"], "--valid-until", late, *desk.options)


def test_a_last_day_that_was_written_in_another_zone_is_no_reason_to_refuse_what_leaves_it(desk: Desk) -> None:
    desk.moves(WEST)
    told = answer(*desk.enroll("--valid-until", "2097-12-31"))
    desk.moves(EAST)
    edit = ["people", "edit", told["id"], *desk.options]
    edited = answer(*edit, "--host", "Bob", "--valid-from", "2097-01-01", "--retain-until", "2097-12-31")
    assert bounds(edited)[1] == bounds(told)[1] > NEW_YEAR
    for more in (["--valid-until", "2098-01-01T00:30"], ["--retain-until", "2097-12-30"]):
        assert "goes beyond 2097-12" in complaint(*edit, *more)


def test_for_ever_is_told_also_where_the_calendar_ends_before_it(desk: Desk) -> None:
    forever = ["--retain-until", "9999-12-31", "--valid-until", "9999-12-31T23:00+00:00"]
    told = answer(*desk.enroll(*forever))
    assert "9999-12-31T23:00+00:00" in run("people", "show", told["id"], *desk.options).stdout


def test_a_list_of_people_is_meant_as_what_is_typed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    tomorrow = today_at(ZoneInfo(EAST))
    path = tmp_path / "people.csv"
    path.write_text(
        f"number,name,photos,retain_until,valid_until\n7,Ann,a.jpg,2097-12-31,2097-12-31\n8,Bob,a.jpg,{tomorrow},\n"
    )
    ann, bob = sheet.read(path, sheet.Grounds("form", "entry"), ZoneInfo(EAST)).applications
    assert isinstance(ann, sheet.Application) and isinstance(bob, sheet.Refusal)
    assert ann.applicant.bounds.valid_until == pytest.approx(NEW_YEAR, abs=0.001)
    ann, bob = sheet.read(path, sheet.Grounds("form", "entry"), ZoneInfo(WEST)).applications
    assert isinstance(bob, sheet.Application), "the day has not begun there"


def test_the_desk_judges_by_its_site_what_a_workstation_says(tmp_path: Path) -> None:
    day = today_at(ZoneInfo(EAST))
    with furnished(tmp_path, EAST) as room:
        late = Bounds(valid_until=datetime(2098, 1, 1, 1, tzinfo=ZoneInfo(EAST)).timestamp())
        for kept, bounded in ((day, Bounds()), (date(2097, 12, 31), late)):
            applicant = Applicant("Ann", Consent("form", "entry", kept), bounds=bounded)
            assert isinstance(room.ask("front", Admit(applicant, PACK.id, 0, b"")), Refused)
        assert not room.people.people(day)
    with pytest.raises(RefusedError):
        forms.last_day(str(day), ZoneInfo(EAST))
    assert forms.last_day(str(day), ZoneInfo(WEST)) == day


@pytest.mark.parametrize(("zone", "over"), [(EAST, True), (WEST, False)])
def test_the_desk_erases_who_is_over_when_the_day_is_over_at_its_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, over: bool
) -> None:
    monkeypatch.setattr(Clock, "_synchronised", lambda self: True)
    with furnished(tmp_path, zone) as room:
        consent = Consent("form", "entry", today_at(ZoneInfo(WEST)))
        ann = Whitelist.of(room.config, room.credentials, write=True).admit_faceless(Applicant("Ann", consent), PACK.id)
        authority = Authority(room.config, room.credentials)
        authority.tidy()
        authority.office.close()
        assert (room.people.person(ann.id, date.today()).standing is Standing.ERASED) == over


@pytest.mark.parametrize("kind", ["desk", "workstation"])
def test_the_zone_of_a_desk_and_of_a_workstation_is_named_checked_and_where_none_is_that_of_gates(
    tmp_path: Path, kind: str
) -> None:
    sample = (ROOT / f"config/{kind}.toml").read_text()
    file = tmp_path / "place.toml"
    told = []
    for zone in ("Europe/Berlin", "Mars/Olympus"):
        file.write_text(sample.replace("Asia/Shanghai", zone))
        try:
            told.append(load_place(file).calendar.time_zone)
        except ConfigurationError as error:
            told += [str(problem) for problem in error.problems]
    assert told == ["Europe/Berlin", "calendar.time_zone: Mars/Olympus is no time zone, as in Asia/Shanghai"]
    file.write_text(sample.replace("[calendar]\n", "").replace("time_zone", "# time_zone"))
    assert load_place(file).calendar.time_zone == CalendarSection().time_zone
