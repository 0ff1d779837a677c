"""Many people at once, with real photos and networks: whoever is good is in, everybody else is told why not."""

import contextlib
import csv
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge import models
from edge.cli.everybody import everybody
from edge.enroll import Looked, Registrar
from edge.enrolled import Applicant, Consent, Edit, Person
from edge.sheet import Grounds
from edge.site import Site
from edge.whitelist import Whitelist
from tests.adapters.brokers import until
from tests.commands import answer, complaint, run
from tests.conftest import ROOT, fill, need

pytestmark = pytest.mark.real

STORE = ROOT / "var" / "models"
GROUNDS = ("--consent", "A-17", "--purpose", "entry", "--retain-until", "2099-12-31")
ONE, AGAIN, OTHER = "Akhmed_Zakayev_0001", "Akhmed_Zakayev_0002", "Aaron_Peirsol_0001"
"""One person twice, and somebody else."""
BUSY_S = 600.0
"""How long the networks may take to load and somebody to be looked at, with other tests on the same cores."""


@pytest.fixture(scope="module")
def photo(shared: Path) -> Callable[[str], bytes]:
    """Photos of LFW by their names."""
    archive = shared / "data/lfw/lfw-deepfunneled-pairs.zip"
    need(archive.exists(), f"{archive} with photos")
    models.fetch("registry", STORE)
    pictures = zipfile.ZipFile(archive)
    return lambda name: pictures.read(f"{name[:-5]}/{name}.jpg")


@pytest.fixture
def folder(tmp_path: Path, photo: Callable[[str], bytes]) -> Path:
    """Two people, one of them again as a third, and what hostile and hasty hands put beside them."""
    root = tmp_path / "photos"
    for name, content in {
        "anna/1.jpg": photo(ONE),
        "anna/2.jpg": photo(AGAIN),
        "anna/text.jpg": b"no picture",
        "bert/1.jpg": photo(OTHER),
        "bert/cut.jpg": photo(OTHER)[:3000],
        "bert/.DS_Store": b"left by a program",
        "zoe.jpg": photo(AGAIN),
        "nobody.png": cv2.imencode(".png", np.full((300, 300, 3), 128, np.uint8))[1].tobytes(),
        "moving.gif": b"GIF89a",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_every_photo_of_a_measured_folder_is_counted(folder: Path) -> None:
    result = answer("bench", "enroll", "--images", folder, "--pack", "registry", "--models", STORE)
    assert (result["people"], result["enrolled"], result["photos"], result["templates"]) == (5, 2, 8, 3)
    assert result["refused"] == {"not_a_picture": 2, "damaged": 1, "already_enrolled": 1, "no_face": 1}
    assert result["turned_away"] == {"already_enrolled": 1, "no_good_photo": 2}
    assert result["photos_per_s"] > 0 and result["duplicate_check_ms"]["p99"] > 0


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = complaint("bench", "enroll", "--images", tmp_path / "empty", "--pack", "registry", "--models", STORE)
    assert "holds no photos" in said
    assert "is no directory" in complaint("bench", "enroll", "--images", tmp_path / "none", "--pack", "registry")


@pytest.fixture
def desk(tmp_path: Path) -> list[object]:
    """The options of a gate at which nobody is enrolled."""
    site = Site(tmp_path / "site", STORE)
    return ["--config", site.file, "--credentials", site.secrets]


def report(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def test_a_folder_is_enrolled_and_what_is_refused_is_reported(folder: Path, desk: list[object]) -> None:
    result = answer("enroll", "--from", folder, *GROUNDS, *desk)
    assert (result["enrolled"], result["already"]) == (2, 0)
    assert {each["name"] for each in answer("people", "list", *desk)["people"]} == {"anna", "bert"}
    found = {(line["where"], Path(line["photo"]).name): line["reason"] for line in report(Path(result["report"]))}
    assert found == {
        ("anna", "text.jpg"): "not_a_picture",
        ("bert", "cut.jpg"): "damaged",
        ("zoe", ""): "already_enrolled",
        ("nobody", "nobody.png"): "no_face",
        ("nobody", ""): "no_good_photo",
        ("moving", "moving.gif"): "not_a_picture",
        ("moving", ""): "no_good_photo",
    }
    again = answer("enroll", "--from", folder, *GROUNDS, *desk)
    assert (again["enrolled"], again["already"]) == (0, 2)
    assert len(report(Path(again["report"]))) == len(found)


def test_a_list_in_chinese_is_enrolled_with_its_bad_rows_told(folder: Path, desk: list[object]) -> None:
    rows = ["工号,姓名,照片", "1,王伟,anna/1.jpg;anna/2.jpg", "2,李娜,bert/1.jpg", "3,,zoe.jpg", "1,张三,zoe.jpg"]
    people = folder / "people.csv"
    people.write_bytes("\r\n".join(rows).encode("gb18030"))
    done = run("enroll", "--from", people, *GROUNDS, *desk, EDGE_GATE_LANGUAGE="zh")
    assert done.returncode == 1 and "按 gb18030 编码读取" in done.stdout and "4 人中登记了 2 人" in done.stdout
    lines = report(folder / "people.refused.csv")
    assert [(line["where"], line["reason"]) for line in lines] == [("4", "missing_field"), ("5", "number_twice")]
    assert "编号 1 已出现在第 2 行" in lines[1]["why"]
    assert {each["number"]: each["name"] for each in answer("people", "list", *desk)["people"]} == {
        "1": "王伟",
        "2": "李娜",
    }


def test_a_twin_is_enrolled_with_the_reason_on_record(folder: Path, desk: list[object]) -> None:
    first = answer("enroll", "Anna", folder / "anna/1.jpg", *GROUNDS, *desk)
    twin = ["enroll", "Zoe", folder / "anna/2.jpg", *GROUNDS, *desk]
    assert f"this face is already enrolled as {first['id']} Anna" in complaint(*twin)
    assert answer(*twin, "--another-person", "twin, passports seen")["another"] == "twin, passports seen"


def test_who_was_refused_for_what_others_did_is_judged_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody at another place takes the number while the photo is looked at, and gives it back before the next."""
    site = Site(tmp_path / "site", STORE)
    people, source = Whitelist.of(site.config, site.credentials, write=True), folder / "people.csv"
    source.write_text("number,name,photos\n1,Bert,bert/1.jpg\n")
    look, taken, consent = Registrar.look, list[Person](), Consent("A-17", "entry", date(2099, 12, 31))

    def meanwhile(registrar: Registrar, photos: Sequence[Path]) -> Looked:
        if not taken:
            taken.append(people.admit_faceless(Applicant("Zoe", consent, number="1"), "registry"))
        return look(registrar, photos)

    monkeypatch.setattr(Registrar, "look", meanwhile)
    given = (source, None, Grounds("A-17", "entry", "2099-12-31"), site.config, site.secrets, False, True)
    everybody(*given)
    assert refused({"report": folder / "people.refused.csv"}) == [("1", "", "number_taken")]
    people.edit(taken[0].id, Edit(number=""))
    everybody(*given)
    assert {each.name for each in people.people(date.today())} == {"Zoe", "Bert"}


@pytest.fixture
def many(tmp_path: Path, shared: Path, photo: Callable[[str], bytes]) -> Path:
    """A list of a hundred people."""
    names = zipfile.ZipFile(shared / "data/lfw/lfw-deepfunneled-pairs.zip").namelist()
    chosen = [name for name in names if name.endswith("_0001.jpg")][100:200]
    rows = ["number,name,photos"]
    for number, name in enumerate(chosen):
        (tmp_path / f"{number}.jpg").write_bytes(photo(Path(name).stem))
        rows.append(f"{number},{Path(name).stem},{number}.jpg")
    (tmp_path / "people.csv").write_text("\n".join(rows))
    return tmp_path / "people.csv"


@contextlib.contextmanager
def importing(
    many: Path, desk: list[object], under_way: Callable[[], bool] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """An import that is under way: somebody is in, or what is said otherwise, and others are not yet."""
    command = [sys.executable, "-m", "edge.cli", "enroll", "--json", "--from", many, *GROUNDS, *desk]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        until(lambda: process.poll() is not None or (under_way() if under_way else _somebody_is_in(desk)), BUSY_S)
        assert process.poll() is None, "it is under way"
        yield process
        process.kill()


def _somebody_is_in(desk: list[object]) -> bool:
    return run("people", "list", *desk, "--json").stdout.count('"enrolled"') >= 2


def test_an_import_that_is_killed_goes_on_where_it_was(many: Path, desk: list[object]) -> None:
    with importing(many, desk) as process:
        process.kill()
    before = answer("people", "list", *desk)["people"]
    result = answer("enroll", "--from", many, *GROUNDS, *desk)
    assert 2 <= len(before) == result["already"]
    after = answer("people", "list", *desk)["people"]
    assert after[: len(before)] == before and len(after) == len(before) + result["enrolled"]
    assert len(after) + sum(result["turned_away"].values()) == 100
    assert len({each["number"] for each in after}) == len(after)


@pytest.fixture
def mixed(many: Path) -> Path:
    """That list; every second photo is none, and the second row names no photo."""
    rows = many.read_text().splitlines()
    for number in range(0, 100, 2):
        (many.parent / f"{number}.jpg").write_text("no picture")
    many.write_text("\n".join([rows[0], "x,Nobody,", *rows[1:]]))
    return many


def refused(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(line["number"], line["photo"], line["reason"]) for line in report(Path(result["report"]))]


def test_who_was_refused_before_a_kill_is_neither_judged_nor_reported_again(mixed: Path, desk: list[object]) -> None:
    book = mixed.with_suffix(".refused.csv")
    for lines in (12, 30):  # 2 a person
        with importing(mixed, desk, lambda least=lines: book.exists() and book.read_text().count("\n") > least) as each:
            each.kill()
    known = {line["number"] for line in report(book) if line["reason"] == "no_good_photo"}
    result = answer("enroll", "--from", mixed, *GROUNDS, *desk)
    assert result["turned_away_before"] == len(known) >= 14
    assert result["photos"] == 100 - len(known) - result["already"]
    assert result["people"] == result["enrolled"] + result["already"] + sum(result["turned_away"].values()) == 101
    told = refused(result)
    assert (
        len(told)
        == len(set(told))
        == result["turned_away"]["no_good_photo"] * 2
        + sum(count for reason, count in result["turned_away"].items() if reason != "no_good_photo")
    )
    again = answer("enroll", "--from", mixed, *GROUNDS, *desk)
    assert (again["photos"], again["enrolled"], refused(again)) == (0, 0, told)


def test_who_was_refused_is_judged_again_with_another_photo_or_row_or_when_asked_for(
    folder: Path, desk: list[object], photo: Callable[[str], bytes]
) -> None:
    people = folder / "people.csv"
    head, rows = "number,name,photos", ["1,Moving,moving.gif", "2,Nobody,nobody.png"]

    def enrolled(*options: str) -> tuple[int, int]:
        people.write_text("\n".join([head, *rows]))
        result = answer("enroll", "--from", people, *options, *GROUNDS, *desk)
        return result["photos"], result["turned_away_before"]

    assert enrolled() == (2, 0)
    rows.insert(0, "0,,")
    assert enrolled() == (0, 2)
    where = {(line["where"], line["number"]) for line in report(folder / "people.refused.csv")}
    assert where == {("2", "0"), ("3", "1"), ("4", "2")}
    rows[1] = "1,Moved,moving.gif"
    assert enrolled() == (1, 1)
    assert enrolled("--retry-refused") == (2, 0)
    (folder / "nobody.png").write_bytes(photo(OTHER))
    assert enrolled() == (1, 1)
    assert {line["number"] for line in report(folder / "people.refused.csv")} == {"0", "1"}


def test_who_is_in_stays_in_when_the_disk_is_full(many: Path, small_disk: Path) -> None:
    site = Site(small_disk / "site", STORE)
    desk = ["--config", site.file, "--credentials", site.secrets]
    room = small_disk / "filled"
    with importing(many, desk) as process:
        fill(room)
        said = json.loads(process.communicate()[0])
    assert process.returncode == 1 and "ended after" in said["error"] and "it goes on from there" in said["hint"]
    room.unlink()
    before = answer("people", "list", *desk)["people"]
    result = answer("enroll", "--from", many, *GROUNDS, *desk)
    assert result["already"] == len(before) > 0
    assert result["enrolled"] + result["already"] + sum(result["turned_away"].values()) == 100
