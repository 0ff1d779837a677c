"""Enrolling, listing and revoking people with real photos and networks, as the registration desk does."""

import zipfile
import zlib
from datetime import UTC
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import models, sheet
from edge.applications import Application
from edge.enroll import portrait
from edge.errors import PhotoError
from edge.faces import Vision
from edge.simulate import RtspServer
from edge.site import Site
from tests.commands import answer, complaint, run
from tests.conftest import ROOT, need

pytestmark = pytest.mark.real

STORE = ROOT / "var" / "models"
GROUNDS = ("--consent", "A-17", "--purpose", "entry", "--retain-until", "2099-12-31")
ONE, AGAIN, OTHER = "Akhmed_Zakayev_0001", "Akhmed_Zakayev_0002", "Aaron_Peirsol_0001"
"""One person twice, and somebody else."""


@pytest.fixture(scope="module")
def photos(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real photos, and of what is none."""
    archive, folder = shared / "data/lfw/lfw-deepfunneled-pairs.zip", tmp_path_factory.mktemp("photos")
    need(archive.exists(), f"{archive} with photos")
    with zipfile.ZipFile(archive) as pairs:
        for name in (ONE, AGAIN, OTHER):
            (folder / f"{name}.jpg").write_bytes(pairs.read(f"{name[:-5]}/{name}.jpg"))
    faces = [cv2.imread(str(folder / f"{name}.jpg")) for name in (ONE, OTHER)]
    cv2.imwrite(str(folder / "two.png"), np.hstack(faces))
    cv2.imwrite(str(folder / "nobody.png"), np.full((300, 300, 3), 128, np.uint8))
    cv2.imwrite(str(folder / "small.png"), cv2.resize(faces[0], (160, 160)))
    cv2.imwrite(str(folder / "dark.png"), (faces[0] * 0.1).astype(np.uint8))
    whole = (folder / "two.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    header = whole[12:16] + b"\x00\x00\xff\xff" * 2 + whole[24:29]  # a PNG says its size there, and its checksum behind
    (folder / "huge.png").write_bytes(whole[:12] + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:])
    (folder / "text.jpg").write_text("no picture")
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> list[object]:
    """The options of a gate at which nobody is enrolled."""
    models.fetch("registry", STORE)
    site = Site(tmp_path, STORE)
    return ["--config", site.file, "--credentials", site.secrets]


def test_a_person_is_enrolled_listed_and_revoked(desk: list[object], photos: Path) -> None:
    person = answer("enroll", "Akhmed", photos / f"{ONE}.jpg", photos / f"{AGAIN}.jpg", *GROUNDS, *desk)
    assert (person["name"], person["templates"], person["standing"]) == ("Akhmed", 2, "enrolled")
    assert (person["consent"], person["purpose"], person["retain_until"]) == ("A-17", "entry", "2099-12-31")
    assert [each["id"] for each in answer("people", "list", *desk)["people"]] == [person["id"]]
    assert f"did you mean {person['id']}?" in complaint("revoke", person["id"][:-1] + "?", *desk)
    assert answer("revoke", person["id"], *desk)["standing"] == "revoked"
    [left] = answer("people", "list", *desk)["people"]
    assert (left["standing"], left["templates"]) == ("revoked", 2)
    assert answer("people", "restore", person["id"], *desk)["standing"] == "enrolled"
    assert answer("people", "erase", person["id"], *desk)["standing"] == "erased"
    [left] = answer("people", "list", *desk)["people"]
    assert (left["standing"], left["templates"], left["name"], left["consent"]) == ("erased", 0, "", "")
    assert "nobody is enrolled as" in complaint("revoke", person["id"], *desk)


def test_a_photo_that_adds_nothing_is_left_out_and_named(desk: list[object], photos: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jpg"
    soft = cv2.GaussianBlur(cv2.imread(str(photos / f"{ONE}.jpg")), (3, 3), 0.8)
    cv2.imwrite(str(again), soft, [cv2.IMWRITE_JPEG_QUALITY, 70])
    person = answer("enroll", "Akhmed", again, photos / f"{ONE}.jpg", photos / f"{AGAIN}.jpg", *GROUNDS, *desk)
    [left_out] = person["left_out"]
    assert person["templates"] == 2 and left_out["score"] >= 0.94
    assert (left_out["photo"], left_out["like"]) == (str(again), str(photos / f"{ONE}.jpg"))


def test_a_record_is_edited_shown_and_exported_to_a_list_that_can_be_read_again(
    desk: list[object], photos: Path, tmp_path: Path
) -> None:
    options = ["--number", "007", "--host", "=Li", "--valid-until", "2098-03-01"]
    person = answer("enroll", "欧阳娜娜", photos / f"{OTHER}.jpg", *GROUNDS, *options, *desk)
    edited = answer("people", "edit", person["id"], "--name", "Nana", "--valid-from", "2097-01-01", *desk)
    assert (edited["name"], edited["number"], edited["bounds"]["host"]) == ("Nana", "007", "=Li")
    assert edited["bounds"]["valid_until"] == person["bounds"]["valid_until"] > edited["bounds"]["valid_from"]
    cleared = answer("people", "edit", person["id"], "--valid-from", "", "--host", "", *desk)["bounds"]
    assert (cleared["valid_from"], cleared["host"]) == (None, "")
    refused = ["people", "edit", person["id"], "--valid-from", "2098-04-01", *desk]
    assert "ends before it begins" in complaint(*refused)
    assert "was changed meanwhile" in complaint(*refused[:3], "--name", "X", "--if-revision", "1", *desk)
    assert answer("people", "show", person["id"], *desk)["name"] == "Nana"
    shown = run("people", "show", person["id"], *desk, EDGE_GATE_LANGUAGE="zh").stdout
    assert "姓名: Nana" in shown and "单位编号: 007" in shown
    assert answer("people", "export", "--out", tmp_path / "out.csv", *desk)["people"] == 1
    (tmp_path / "007.jpg").touch()
    [again] = sheet.read(tmp_path / "out.csv", sheet.Grounds(), UTC).applications
    assert isinstance(again, Application) and again.applicant.name == "Nana"
    assert again.applicant.bounds.valid_until == cleared["valid_until"]
    assert "people.exported" in run("audit", "show", *desk, "--json").stdout


def test_a_face_lasts_to_the_end_of_its_pass_also_where_the_site_has_a_later_day_than_utc(
    desk: list[object], photos: Path
) -> None:
    window = ["--from", "2096-12-02T00:30+08:00", "--until", "2096-12-02T07:30+08:00"]
    answer("visitor", "invite", "--host", "W", "--gate", "gate-1", *window, "--face", photos / f"{OTHER}.jpg", *desk)
    assert [each["retain_until"] for each in answer("people", "list", *desk)["people"]] == ["2096-12-02"]


def test_people_are_listed_in_the_language_of_the_desk(desk: list[object], photos: Path) -> None:
    done = run("enroll", "王伟", photos / f"{OTHER}.jpg", *GROUNDS, *desk, EDGE_GATE_LANGUAGE="zh")
    assert done.returncode == 0 and "王伟 已登记，编号" in done.stdout
    lines = run("people", "list", *desk, EDGE_GATE_LANGUAGE="zh").stdout.splitlines()
    assert lines[0].split() == ["编号", "单位编号", "姓名", "状态", "保存至", "模板数", "同意书", "用途"]
    assert lines[1].split()[1:] == ["-", "王伟", "已登记", "2099-12-31", "1", "A-17", "entry"]


def test_nobody_is_enrolled_twice(desk: list[object], photos: Path) -> None:
    first = answer("enroll", "Akhmed", photos / f"{ONE}.jpg", *GROUNDS, *desk)
    said = complaint("enroll", "Somebody else", photos / f"{AGAIN}.jpg", *GROUNDS, *desk)
    assert f"already enrolled as {first['id']} Akhmed" in said and f"people edit {first['id']}" in said
    assert len(answer("people", "list", *desk)["people"]) == 1


def test_a_photo_on_its_side_or_head_is_nobodys_template(photos: Path, shared: Path) -> None:
    """Faces that stand on their heads are found, and would be embedded as if they did not."""
    models.fetch("zoo", STORE, shared / "models")
    vision = Vision(models.load("zoo", STORE))
    for name in (ONE, AGAIN, OTHER):
        image = cv2.resize(cv2.imread(str(photos / f"{name}.jpg")), None, fx=2, fy=2)
        assert portrait(Path(name), image, vision).reserve > 0
        for quarters in (1, 2, 3):
            with pytest.raises(PhotoError) as told:
                portrait(Path(name), np.ascontiguousarray(np.rot90(image, quarters)), vision)
            assert quarters != 2 or told.value.reason == "not_upright"


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ("nobody.png", "no face was found\ntake it from the front, in good light"),
        ("two.png", "2 faces were found\ncrop it to the one person that is enrolled"),
        ("small.png", "the face is too small"),
        ("dark.png", "the face is too dark; take it where there is light"),
        ("cut.png", "it is damaged or incomplete\ntake or export the photo again"),
        ("huge.png", "million pixels\nmake it smaller"),
        ("text.jpg", "is not a picture in JPEG, PNG, WebP, BMP\nsave it as JPEG or PNG"),
        ("none.jpg", "cannot be read: No such file or directory\nname a photo"),
        ("", "cannot be read: Is a directory\nname a photo"),
    ],
)  # fmt: skip
def test_a_photo_that_is_of_no_use_is_named_with_what_to_do(
    desk: list[object], photos: Path, photo: str, expected: str
) -> None:
    said = complaint("enroll", "Somebody", photos / f"{ONE}.jpg", photos / photo, *GROUNDS, *desk)
    assert said.startswith(str(photos / photo)) and expected in said
    assert answer("people", "list", *desk) == {"people": []}


def test_photos_of_two_people_are_not_one_enrolment(desk: list[object], photos: Path) -> None:
    said = complaint("enroll", "Both", photos / f"{ONE}.jpg", photos / f"{OTHER}.jpg", *GROUNDS, *desk)
    assert "shows somebody else than" in said and "enrol one person at a time" in said


def test_a_short_film_is_as_good_as_photos(desk: list[object], film: Path, from_behind: Path, tmp_path: Path) -> None:
    person = answer("enroll", "Somebody", film, *GROUNDS, *desk)
    assert 2 <= person["templates"] <= 8
    assert "already enrolled" in complaint("enroll", "Again", film, *GROUNDS, *desk)
    assert "no face was found" in complaint("enroll", "Nobody", from_behind, *GROUNDS, *desk)
    elsewhere = tmp_path / "list.mp4"
    elsewhere.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    assert "is no film that can be read" in complaint("enroll", "List", elsewhere, *GROUNDS, *desk)


def test_whoever_sits_before_a_camera_is_told_what_to_do_and_enrolled(film: Path, tmp_path: Path) -> None:
    models.fetch("registry", STORE)
    with RtspServer([film]) as camera:
        site = Site(tmp_path, STORE, url=camera.url(film))
        options = ["--camera", "entrance", *GROUNDS, "--config", site.file, "--credentials", site.secrets]
        said = run("enroll", "Somebody", *options).stdout.splitlines()
        assert "Please stand before the camera" in said and "is enrolled as" in said[-1]
        assert any(line.startswith("Good, that is 1 of 4.") for line in said)
        (person,) = answer("people", "list", "--config", site.file, "--credentials", site.secrets)["people"]
        assert 1 <= person["templates"] <= 4
        assert "already enrolled as" in run("enroll", "Again", *options).stderr
        assert "leave one of them out" in complaint("enroll", "Both", film, *options)
    assert "check the port of the camera's url" in complaint("enroll", "Nobody", *options)
