"""Calibrating a gate on its own people: measured, put into use, taken back, and what the gate makes of it."""

from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from edge import sitetable
from edge.enrolled import Consent
from edge.lone import Loaded, WhitelistSource
from edge.models import manifest
from edge.site import Site
from edge.whitelist import Whitelist
from tests.commands import answer, complaint, run

GROUNDS = Consent("A-1", "entry", date(2099, 1, 1))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "models")


def enrol(site: Site, count: int) -> Whitelist:
    """People who do not exist, two templates each, all alike."""
    pack = manifest("registry")
    whitelist = Whitelist.of(site.config, site.credentials, write=True)
    rng = np.random.default_rng(1)
    common = rng.standard_normal(pack.dimension)
    for number in range(count):
        looks = common + rng.standard_normal(pack.dimension)
        rows = looks + 0.3 * rng.standard_normal((2, pack.dimension))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        whitelist.enroll(f"Person {number}", GROUNDS, pack.id, rows.astype(np.float32))
    return whitelist


def options(site: Site) -> list[object]:
    return ["--config", site.file, "--credentials", site.secrets]


def loaded(site: Site, whitelist: Whitelist) -> Any:
    """What the gate makes of its list now."""
    put: SimpleQueue[object] = SimpleQueue()
    source = WhitelistSource(whitelist, manifest("registry"), 0.01, site.config.state, date.today, put.put)
    source.stop()
    source.listen()
    found = put.get_nowait()
    assert isinstance(found, Loaded)
    return found.fact


def test_a_table_is_measured_put_into_use_and_taken_back(site: Site, tmp_path: Path) -> None:
    whitelist = enrol(site, 70)
    told = answer("calibrate", *options(site), "--out", tmp_path / "out")
    assert (told["people"], told["templates"], told["calibration"]) == (70, 140, "pack")
    assert told["threshold_interval"][0] <= told["threshold"] <= told["threshold_interval"][1]
    pictures = {"calibrate-scores.png", "calibrate-det.png", "calibrate.json"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == pictures
    before = loaded(site, whitelist)
    assert (before.threshold, before.calibration) == (pytest.approx(told["threshold"]), "pack")

    said = run("calibrate", *options(site), "--apply").stdout
    applied = answer("calibrate", *options(site))
    after = loaded(site, whitelist)
    assert applied["calibration"] == after.calibration != "pack"
    assert after.threshold == pytest.approx(applied["threshold"])
    way = "goes down" if after.threshold < before.threshold else "goes up"
    assert f"the threshold {way} from {before.threshold:.3f} to {after.threshold:.3f}" in said
    assert answer("calibrate", *options(site), "--apply")["threshold_before"] == applied["threshold"]
    assert answer("calibrate", *options(site), "--withdraw")["calibration"] == "pack"
    assert loaded(site, whitelist) == before


def test_a_damaged_table_falls_back_to_that_of_the_pack(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    whitelist = enrol(site, 3)
    before = loaded(site, whitelist)
    for text in ("no table", '{"pack": "zoo-1"}'):
        (site.config.state / sitetable.NAME).write_text(text)
        assert loaded(site, whitelist) == before
        assert "edge-gate calibrate --withdraw" in caplog.text
        caplog.clear()


def test_what_cannot_be_calibrated_is_told(site: Site) -> None:
    enrol(site, 1)
    assert "1 people are enrolled; two are needed" in complaint("calibrate", *options(site))
    assert "contradict each other" in complaint("calibrate", *options(site), "--apply", "--withdraw")
    enrol(site, 3)
    assert "a table of their own needs 64" in complaint("calibrate", *options(site), "--apply")
    assert not (site.config.state / sitetable.NAME).exists()
    said = run("calibrate", *options(site), EDGE_GATE_LANGUAGE="zh").stdout
    assert "4 人" in said
