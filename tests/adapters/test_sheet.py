"""Lists of people as offices save them: read in whatever encoding, every bad row refused by itself, with its reason."""

import codecs
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from edge import sheet
from edge.applications import Application, Refusal, of_folder
from edge.enrolled import Bounds, Consent
from edge.errors import EdgeError
from edge.sheet import Grounds

HEAD = "number,name,photos,consent,purpose,retain_until,levels,valid_from,valid_until,host"
GROUNDS = Grounds("form", "entry", "2099-12-31")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").touch()
    return tmp_path / "people.csv"


def read(path: Path, text: str, encoding: str = "utf-8") -> sheet.Sheet:
    path.write_bytes(text.encode(encoding))
    return sheet.read(path, GROUNDS, UTC)


def taken(path: Path, *rows: str, head: str = "number,name,photos") -> list[Application | Refusal]:
    return read(path, "\n".join([head, *rows])).applications


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_in_the_encodings_of_offices(people: Path, encoding: str, told: str, end: str) -> None:
    text = end.join(["编号,姓名,照片,保存至,有效期止", "7,王伟,a.jpg,2098年1月5日,2090/3/1", ""])
    found = read(people, text, encoding)
    [one] = found.applications
    assert isinstance(one, Application) and found.encoding == told
    assert (one.where, one.applicant.number, one.applicant.name) == ("2", "7", "王伟")
    assert one.applicant.consent.retain_until == date(2098, 1, 5) and one.photos == (people.parent / "a.jpg",)
    until = one.applicant.bounds.valid_until
    assert until and datetime.fromtimestamp(until, UTC).date() == date(2090, 3, 1)  # the whole last day


def test_a_row_says_where_and_when_and_for_whom(people: Path) -> None:
    row = '7,Ann,"a.jpg; b.jpg",A-1,visit,2090-01-01,lobby; lab,2080-01-01T08:00,2080-01-02T18:00,Bob'
    [one] = taken(people, row, head=HEAD)
    assert isinstance(one, Application) and len(one.photos) == 2
    consent, bounds = one.applicant.consent, one.applicant.bounds
    assert (consent.reference, consent.purpose, consent.retain_until) == ("A-1", "visit", date(2090, 1, 1))
    assert (bounds.levels, bounds.host) == (("lobby", "lab"), "Bob")
    assert bounds.valid_from == datetime(2080, 1, 1, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "name", ["O’Brien", "Müller", "欧阳 娜娜", "ئابدۇرەھىم", "བསྟན་འཛིན", "עמית", "Nguyễn Thị", "\U00020bb7田", "\ue863"]
)
def test_names_are_taken_in_any_script(people: Path, name: str) -> None:
    [one] = taken(people, f"7, {name}\u3000,a.jpg")
    assert isinstance(one, Application) and one.applicant.name == name


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("8,,a.jpg,c,p,2090-01-01,,,,", "missing_field"),
        (",Ann,a.jpg,c,p,2090-01-01,,,,", "missing_field"),
        ("8,Ann,,c,p,2090-01-01,,,,", "no_photo"),
        ("8,Ann,a.jpg,c,p,2000-01-01,,,,", "bad_date"),
        ("8,Ann,a.jpg,c,p,2090-02-30,,,,", "bad_date"),
        ("8,Ann,a.jpg,c,p,soon,,,,", "bad_date"),
        ("8,Ann,a.jpg,c,p,2090-01-01,,2080-01-02,2080-01-01,", "ends_before_it_begins"),
        ("8,Ann,a.jpg,c,p,2090-01-01,,,2090-01-02,", "bad_date"),
        ("8,Ann,a.jpg,c,p,2090-01-01,,,99999-01-01,", "bad_date"),
        ("8,Ann\u202etxt,a.jpg,c,p,2090-01-01,,,,", "bad_text"),
        ("8,An\x00n,a.jpg,c,p,2090-01-01,,,,", "bad_text"),
        (f"8,{'x' * 201},a.jpg,c,p,2090-01-01,,,,", "bad_text"),
        ("8,Ann,a.jpg", "bad_row"),
        ("8,Ann,a.jpg,c,p,2090-01-01,,,,,more", "bad_row"),
        ('8,"Ann,a.jpg,c,p,2090-01-01,,,,', "bad_row"),
        ("8," + "x" * 200_000 + ",a.jpg,c,p,2090-01-01,,,,", "bad_row"),
        ("7,Ann,a.jpg,c,p,2090-01-01,,,,", "number_twice"),
    ],
)
def test_a_bad_row_is_refused_and_the_others_are_taken(people: Path, row: str, reason: str) -> None:
    good = "{},Bob,a.jpg,c,p,2090-01-01,,,,"
    first, bad, last = taken(people, good.format(7), row, good.format(9), head=HEAD)
    assert isinstance(first, Application) and isinstance(last, Application)
    assert isinstance(bad, Refusal) and (bad.where, bad.error.reason) == ("3", reason)


def test_photos_may_be_called_like_the_number(people: Path) -> None:
    (people.parent / "7.jpg").touch()
    (people.parent / "8").mkdir()
    (people.parent / "8" / "1.png").touch()
    seven, eight = taken(people, "7,Ann", "8,Bob", head="number,name")
    assert isinstance(seven, Application) and isinstance(eight, Application)
    assert [path.name for path in (*seven.photos, *eight.photos)] == ["7.jpg", "1.png"]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("number,name,photo,valid_untill,#remark", "not known: 'photo' (photos?), 'valid_untill' (valid_until?)"),
        ("name,photos", "lacking: number"),
        ("number,name,姓名", "there twice: name"),
        ("", "lacking: number, name"),
    ],
)
def test_a_wrong_first_line_is_told_by_name(people: Path, head: str, said: str) -> None:
    with pytest.raises(EdgeError, match=re.escape(said)):
        read(people, head + "\n7,Ann,a.jpg")


def test_what_is_no_text_is_told(people: Path) -> None:
    people.write_bytes(b"number,name\n\xff\xff\xff")
    with pytest.raises(EdgeError, match="neither UTF-8 nor GB18030"):
        sheet.read(people, GROUNDS, UTC)
    people.write_bytes(codecs.BOM_UTF16_LE + b"\x00")
    with pytest.raises(EdgeError, match="neither UTF-8"):
        sheet.read(people, GROUNDS, UTC)
    with pytest.raises(EdgeError, match="Is a directory"):
        sheet.read(people.parent, GROUNDS, UTC)


def test_a_row_whose_photo_has_a_name_that_none_can_have_is_refused_by_itself(people: Path) -> None:
    found = taken(people, f"1,王伟,{'x' * 300}.jpg", "2,李娜,a.jpg")
    assert [type(each) for each in found] == [Refusal, Application]


def test_a_first_line_without_end_is_named(people: Path) -> None:
    with pytest.raises(EdgeError, match="the first line names no columns"):
        read(people, "number," + "n" * 200_000)


def test_a_photo_that_is_called_as_nobody_may_be_is_refused(tmp_path: Path) -> None:
    for name in ("王伟.jpg", "Wang\nFang.jpg", "a\u202eb.jpg", "x" * 240 + ".jpg"):
        (tmp_path / name).touch()
    consent = Consent("form", "entry", date(2099, 12, 31))
    found = of_folder(tmp_path, consent, Bounds())
    assert sorted(type(each).__name__ for each in found) == ["Application", *["Refusal"] * 3]
