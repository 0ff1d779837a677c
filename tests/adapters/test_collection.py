"""Pictures out of directories and zip files, whole or not."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.collection import Collection
from edge.errors import EdgeError, PhotoError

PICTURE = np.random.default_rng(1).integers(0, 255, (100, 120, 3)).astype(np.uint8)
ENCODED = cv2.imencode(".png", PICTURE)[1].tobytes()
FILES = {
    "a/a_0001.png": ENCODED, "a/a_0002.PNG": ENCODED, "b/b_0001.png": ENCODED[:-400], "b/read.txt": b"text",
    "c/c_0001.jpg": b"no picture", "__MACOSX/a/._a_0001.png": b"where its window stood",
}  # fmt: skip


@pytest.fixture(params=["directory", "zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        return tmp_path / "all.zip"
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_pictures_are_found_by_person_and_read(path: Path) -> None:
    with Collection(path) as collection:
        assert {person: len(names) for person, names in collection.people().items()} == {"a": 2, "b": 1, "c": 1}
        assert np.array_equal(collection.image("a/a_0002.PNG"), PICTURE)
        for bad in ("b/b_0001.png", "c/c_0001.jpg"):
            with pytest.raises(PhotoError, match=bad):
                collection.image(bad)
        assert np.array_equal(collection.image("a/a_0001.png"), PICTURE)


def test_a_picture_that_an_archive_holds_twice_is_one(tmp_path: Path) -> None:
    """Searched for beside itself it would be found by everybody's measure."""
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a/1.png", ENCODED)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/1.png", ENCODED)
    with Collection(tmp_path / "all.zip") as collection:
        assert collection.people() == {"a": ["a/1.png"]}


def test_directories_of_one_name_are_not_taken_for_one_person(tmp_path: Path) -> None:
    """Their pictures are of two people, or of one: a rate from the wrong guess would be wrong without a word."""
    for name in ("hq/Ann/1.png", "hq/Bob/1.png", "annex/Ann/1.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(ENCODED)
    with Collection(tmp_path) as collection, pytest.raises(EdgeError, match="annex/Ann and hq/Ann\nput the pictures"):
        collection.people()
    with Collection(tmp_path / "hq") as collection:
        assert collection.people() == {"Ann": ["Ann/1.png"], "Bob": ["Bob/1.png"]}


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/1.png", ENCODED)
        archive.writestr("a/2.png", ENCODED)
    whole = bytearray(file.read_bytes())
    whole[whole.index(ENCODED) + 50] ^= 0xFF
    file.write_bytes(whole)
    with Collection(file) as collection:
        with pytest.raises(PhotoError, match=r"a/1\.png cannot be read"):
            collection.image("a/1.png")
        assert np.array_equal(collection.image("a/2.png"), PICTURE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"no zip", "neither a directory nor a whole zip"), (b"", "neither")],
)
def test_what_is_no_collection_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "all.zip"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(EdgeError, match=reason) as caught:
        Collection(file)
    assert "name a directory or zip file" in str(caught.value)


def test_a_directory_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "read.txt").write_text("nothing")
    with pytest.raises(EdgeError, match="holds no pictures"):
        Collection(tmp_path)
