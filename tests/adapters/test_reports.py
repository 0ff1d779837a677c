"""What a person names to be written: a report of refusals, a list of everybody. Nothing else is lost for it."""

import os
from collections.abc import Callable
from datetime import UTC, date
from pathlib import Path

import pytest

from edge import sheet
from edge.applications import Refusal
from edge.enrolled import Applicant, Consent
from edge.errors import RefusedError, StoreError
from edge.refusals import Refusals
from edge.site import Site
from edge.whitelist import Whitelist
from tests.commands import complaint

REFUSED = Refusal("2", "7", "Ann", "", RefusedError("there is no photo", reason="no_photo"))


def nobody_refused(path: Path) -> None:
    with Refusals(path, str):
        pass


def one_refused(path: Path) -> None:
    with Refusals(path, str) as book:
        book.note(REFUSED, "x")


def everybody(path: Path) -> None:
    sheet.write(path, [], UTC)


@pytest.fixture(params=[nobody_refused, one_refused, everybody])
def written(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    done: Callable[[Path], None] = request.param
    return done


@pytest.mark.parametrize("content", ["notes\n", "number,name\n7,Ann\n", "\0\1", "\ufeff\n\nx"])
def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path, written: Callable[[Path], None], content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(StoreError, match="holds something else"):
        written(path)
    assert (path.read_text(), os.listdir(tmp_path)) == (content, ["notes.txt"])


def test_what_is_no_file_is_left_as_it_is(tmp_path: Path, written: Callable[[Path], None]) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.symlink("pipe", tmp_path / "link")
    kinds = {path.name: path.lstat().st_mode for path in tmp_path.iterdir()}
    for name in kinds:
        with pytest.raises(StoreError, match="is no file"):
            written(tmp_path / name)
    assert {path.name: path.lstat().st_mode for path in tmp_path.iterdir()} == kinds


def test_a_link_stays_and_what_it_leads_to_is_written_again_and_again(tmp_path: Path) -> None:
    for number, write in enumerate((one_refused, everybody)):
        link, path = tmp_path / f"link{number}", tmp_path / f"file{number}"
        link.symlink_to(path)
        for _ in range(2):
            write(link)
        assert link.is_symlink() and path.read_text("utf-8-sig").startswith(("where,", "number,"))


def test_a_report_whose_last_line_was_cut_off_is_one(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    one_refused(path)
    path.write_bytes(path.read_bytes() + "3,8,欧".encode()[:-1])
    assert Refusals(path, str).stands("2", "7", "x") == "no_photo"


def test_no_list_takes_the_place_of_itself(tmp_path: Path) -> None:
    site, people = Site(tmp_path / "site", tmp_path / "models"), tmp_path / "people.csv"
    people.write_text("number,name\n7,Ann\n")
    (tmp_path / "same.csv").symlink_to(people)
    where = ["--config", site.file, "--credentials", site.secrets]
    said = complaint("enroll", "--from", people, "--report", tmp_path / "same.csv", *where)
    assert "take the place of" in said and people.read_text() == "number,name\n7,Ann\n"


@pytest.mark.real
def test_no_draft_with_everybodys_names_stays_on_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    site, path = Site(tmp_path / "site", tmp_path / "models"), small_disk / "out.csv"
    people, consent = Whitelist.of(site.config, site.credentials, write=True), Consent("A-1", "entry", date(2099, 1, 1))
    person = people.admit_faceless(Applicant("Ann", consent), "zoo")
    sheet.write(path, [person], UTC)
    before = path.read_bytes()
    with pytest.raises(OSError, match="space"):
        sheet.write(path, [person] * 100_000, UTC)
    assert os.listdir(small_disk) == ["out.csv"] and path.read_bytes() == before
