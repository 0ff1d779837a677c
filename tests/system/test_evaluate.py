"""The protocols on a few real pictures, one of them damaged and one without a face: every one is counted."""

import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import models
from tests.commands import answer, complaint
from tests.conftest import ROOT, need

pytestmark = pytest.mark.real

STORE = ROOT / "var" / "models"
PEOPLE, EACH = 8, 3


@pytest.fixture(scope="module")
def people(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people with three pictures each, and a loose one. Of the last one the second is no picture, the third shows
    nobody."""
    archive, folder = shared / "data/lfw/lfw-deepfunneled-pairs.zip", tmp_path_factory.mktemp("people")
    need(archive.exists(), f"{archive} with photos")
    models.fetch("registry", STORE)
    with zipfile.ZipFile(archive) as pictures:
        names: dict[str, list[str]] = {}
        for name in sorted(name for name in pictures.namelist() if name.endswith(".jpg")):
            names.setdefault(name.split("/")[0], []).append(name)
        for person in [person for person, found in names.items() if len(found) >= EACH][:PEOPLE]:
            (folder / person).mkdir()
            for number, name in enumerate(names[person][:EACH], 1):
                (folder / person / f"{person}_{number:04}.jpg").write_bytes(pictures.read(name))
    last = max(folder.iterdir())
    (last / f"{last.name}_0002.jpg").write_text("no picture")
    cv2.imwrite(str(last / f"{last.name}_0003.jpg"), np.full((250, 250, 3), 128, np.uint8))
    shutil.copy(last / f"{last.name}_0001.jpg", folder / "loose.jpg")
    return folder


def test_verification_counts_a_pair_with_a_missing_face_as_wrong(people: Path, tmp_path: Path) -> None:
    names = [folder.name for folder in sorted(people.iterdir()) if folder.is_dir()]
    same = [f"{name}\t1\t{other}" for name in names for other in (2, 3)]
    strangers = [f"{one}\t1\t{other}\t2" for one, other in zip(names, [*names[1:], names[0]], strict=True)] * 2
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("\n".join(["1\t16", *same, *strangers]))
    figures = answer("evaluate", "verification", "--images", people, "--pairs", pairs, "--pack", "registry",
                     "--models", STORE, "--out", tmp_path / "out")  # fmt: skip
    assert (figures["pairs"], figures["images"], figures["not_found"], figures["unreadable"]) == (32, 24, 2, 1)
    assert figures["accuracy"] == pytest.approx(28 / 32, abs=0.04)  # two pairs of each kind lack a face
    assert figures["tpr_at_far"] == {"0.01": 0.0, "0.001": 0.0}  # two of sixteen strangers count as accepted
    low, high = figures["accuracy_interval"]
    assert low < figures["accuracy"] < high
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"verification-det.png", "verification-scores.png"}


def test_identification_counts_a_missing_probe_as_a_miss(people: Path, tmp_path: Path) -> None:
    figures = answer("evaluate", "identification", "--images", people, "--pack", "registry", "--models", STORE,
                     "--draws", 4, "--out", tmp_path / "out")  # fmt: skip
    assert (figures["people"], figures["n_enrolled"], figures["n_mated"], figures["n_nonmated"]) == (8, 4, 8, 12)
    assert (figures["images"], figures["not_found"], figures["unreadable"], figures["loose"]) == (24, 2, 1, 1)
    assert 0.75 <= figures["rank1"] < 1  # at most two of eight are missing in a draw, and all others are easy
    assert set(figures["fnir_at_fpir"]) == {"0.1", "0.01"} and figures["fnir_at_fpir"]["0.01"] >= 1 - figures["rank1"]
    low, high = figures["fpir_interval"]
    assert low <= figures["fpir_at_configured"] <= high < 1
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "identification-det.png",
        "identification-scores.png",
    }


def test_what_cannot_be_evaluated_is_told(people: Path) -> None:
    one = people / sorted(people.iterdir())[0].name
    said = complaint("evaluate", "identification", "--images", one, "--pack", "registry", "--models", STORE)
    assert "holds pictures of 0 people" in said and "DIR/PERSON/PICTURE.jpg" in said


@pytest.mark.parametrize(
    ("protocol", "option"),
    [("verification", "--out"), ("identification", "--out"), ("liveness", "--out"), ("liveness", "--det")],
)
def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path, protocol: str, option: str) -> None:
    """It was told after it, and all that had been measured was lost."""
    inputs = {
        "verification": ("--images", "--pairs"),
        "identification": ("--images",),
        "liveness": ("--live", "--attack"),
    }
    where = [each for name in inputs[protocol] for each in (name, tmp_path)]
    asked = "evaluate", protocol, *where, "--pack", "none", option
    assert "/dev/null/x" in (said := complaint(*asked, "/dev/null/x/y.png")) and "cannot be written" in said
    assert "there is no model pack none" in complaint(*asked, tmp_path / "new" / "newer" / "y.png")
    assert not any(tmp_path.iterdir()), "nor a directory"
