"""Many people at once, with real photos and networks: whoever is good is in, everybody else is told why not."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import models
from tests.commands import answer, complaint
from tests.conftest import ROOT, need

pytestmark = pytest.mark.real

STORE = ROOT / "var" / "models"
ONE, AGAIN, OTHER = "Akhmed_Zakayev_0001", "Akhmed_Zakayev_0002", "Aaron_Peirsol_0001"
"""One person twice, and somebody else."""


@pytest.fixture(scope="module")
def photo(shared: Path) -> Callable[[str], bytes]:
    """Photos of LFW by their names."""
    archive = shared / "data/lfw/lfw-deepfunneled-pairs.zip"
    need(archive.exists(), f"{archive} with photos")
    models.fetch("registry", STORE)
    return lambda name: zipfile.ZipFile(archive).read(f"{name[:-5]}/{name}.jpg")


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
