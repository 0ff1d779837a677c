"""A drill beside a gate in service: the approach is recognised, the alarms work, and the real door is not touched."""

import contextlib
from datetime import date, timedelta
from pathlib import Path

import pytest

from edge import drill as rehearsed
from edge import models
from edge.config import CameraSection, Config, load
from edge.drillbook import leave
from edge.enrolled import Bounds, Consent, Edit
from edge.errors import ConfigurationError
from edge.events import DrillFault, DrillReport
from edge.matcher import Vector
from edge.town import Town
from edge.whitelist import Whitelist
from tests.commands import answer, complaint
from tests.system.conftest import NewHouse
from tests.system.house import STORE, templates, wait

pytestmark = pytest.mark.real

BESIDE = """
[[door]]
name = "back"
chip = "simulated:ROOT/back"
relay = { line = 1 }
[[schedule]]
name = "never"
periods = ["daily 03:00-03:01"]
[[level]]
name = "staff"
doors = ["back", "main"]
schedule = "never"
[[reader]]
name = "pad"
door = "back"
"""


@pytest.mark.slow
def test_a_drill_with_the_pack_that_gates_have_goes_by_itself_when_it_is_due_and_ends_the_alarm(
    house: NewHouse, film: Path, scene: Path, shared: Path
) -> None:
    """As the timer starts it; what is configured beside the door and its camera stays out of it."""
    models.fetch("zoo", STORE, shared / "models")
    gate = house(pack="zoo", clock_untrusted="accept")
    person = gate.enroll(templates(scene, "zoo"), "zoo")
    people = Whitelist.of(gate.site.config, gate.site.credentials, write=True)
    people.edit(person, Edit(bounds=Bounds(("staff",))))
    more = f'\n[drill]\nclip = "{film}"\nperson = "{person}"\nevery_days = 90\n' + BESIDE.replace(
        "ROOT", str(gate.site.root)
    )
    gate.site.file.write_text(gate.site.file.read_text() + more)
    given = ["--if-due", "--config", gate.site.file, "--credentials", gate.site.secrets]
    assert answer("drill", *given)["passed"]
    assert answer("drill", *given) == {"due": False, "in_days": 81.0}
    gate.start("relay", "gate")
    wait(lambda: gate.events(DrillReport))
    assert gate.events(DrillReport)[0].data["passed"] is True and not gate.events(DrillFault)


@pytest.mark.slow
def test_an_approach_is_recognised_and_every_alarm_works_while_the_real_door_stays_as_it_is(
    house: NewHouse, film: Path, visitor: Vector
) -> None:
    """Also at a door whose pulse takes about as long as an alarm may."""
    gate = house(pulse_s=9.9, hard_limit_s=10.0)
    person = gate.enroll(visitor)
    gate.start("relay", "gate")
    wait(lambda: gate.facts("Heartbeat"))
    given = ["--config", gate.site.file, "--credentials", gate.site.secrets, "--clip", film]
    told = answer("drill", "--gate", "gate-1", "--person", person, *given)
    assert told["passed"] and told["recognised"] and told["detail"] == ""
    assert told["alarms"] == {"forced": True, "held": True, "tamper": True, "fire": True}
    assert 0 < told["decision_ms"] < 2_000
    wait(lambda: gate.events(DrillReport))
    assert gate.events(DrillReport)[0].data["passed"] is True
    assert gate.watch.opened == []


@pytest.mark.parametrize(
    ("missing", "detail"),
    [("key", "the gate did not start"), ("chip", "the relay guard has not opened its chip")],
)
def test_where_the_gate_does_not_start_no_alarm_is_tried_and_called_broken(
    house: NewHouse, film: Path, monkeypatch: pytest.MonkeyPatch, missing: str, detail: str
) -> None:
    gate, rehearsal = house(), rehearsed._rehearsal
    monkeypatch.setattr(rehearsed, "START_S", 0.0)
    monkeypatch.setattr(rehearsed, "ALARM_S", 1.0 if missing == "key" else 45.0)  # in which a gate starts

    def without_chip(config: Config, camera: CameraSection, url: str, root: Path) -> Config:
        (root / "chip").mkdir()
        return rehearsal(config, camera, url, root)

    if missing == "chip":
        monkeypatch.setattr(rehearsed, "_rehearsal", without_chip)
    else:
        (gate.site.secrets / "whitelist.key").unlink()
    told = rehearsed.drill(gate.site.config, gate.site.secrets, rehearsed.Clip(film))
    assert (told.passed, told.detail, told.alarms) == (False, detail, {})


def test_a_drill_takes_its_clip_for_the_only_lens(house: NewHouse, tmp_path: Path) -> None:
    """What another lens shows meanwhile is another moment, and its password is not the drill's."""
    site = house().site
    lens = '[camera.infrared]\nurl = "rtsp://192.0.2.11/ir"\nusername = "eye"\ncredential = "infrared.password"\n'
    site.file.write_text(f"{site.file.read_text()}\n{lens}")
    [camera] = site.config.camera
    assert [stream.url for stream in camera.streams][1:] == ["rtsp://192.0.2.11/ir"]
    (tmp_path / "drill").mkdir()
    [copy] = rehearsed._rehearsal(site.config, camera, "rtsp://127.0.0.1/clip", tmp_path / "drill").camera
    assert [(stream.url, stream.credential) for stream in copy.streams] == [("rtsp://127.0.0.1/clip", "")]


def test_a_drill_finds_the_holidays_of_a_configuration_that_is_named_from_where_one_is(
    house: NewHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = house().site
    site.file.write_text(f'{site.file.read_text()}\n[calendar]\nholiday_file = "days.txt"\n')
    (site.file.parent / "days.txt").write_text("2026-10-01\n")
    monkeypatch.chdir(site.file.parent)
    config = load(Path(site.file.name))
    (tmp_path / "drill").mkdir()
    copy = rehearsed._rehearsal(config, config.camera[0], "rtsp://127.0.0.1/clip", tmp_path / "drill")
    with rehearsed.Stage(tmp_path / "drill", copy, site.secrets.absolute()):
        assert load(tmp_path / "drill/gate.toml").calendar.holiday_file == str(site.file.parent / "days.txt")


def test_a_report_is_told_once_also_across_a_restart(house: NewHouse) -> None:
    gate = house()
    leave(gate.site.config.state, DrillReport("entrance", "main", False, False, None, {}, "", "no light"), 1e9)
    gate.start("relay", "gate")
    wait(lambda: gate.events(DrillFault))
    assert gate.events(DrillFault)[0].data == {"active": True, "detail": "no light"}
    gate.kill("gate")
    gate.start("gate")
    wait(lambda: len(gate.events(DrillFault)) == 2)
    assert len(gate.events(DrillReport)) == 1


def test_what_cannot_be_rehearsed_says_why(house: NewHouse) -> None:
    gate = house()
    given = ["--config", gate.site.file, "--credentials", gate.site.secrets]
    assert "no recorded approach is named" in complaint("drill", *given)
    assert "is not a film" in complaint("drill", "--clip", gate.site.root / "none.mp4", *given)
    assert "not of gate-9" in complaint("drill", "--gate", "gate-9", *given)
    real = gate.site.file.read_text().replace(f"simulated:{gate.site.root}/chip", "/dev/gpiochip0")
    gate.site.file.write_text(real + "\n[drill]\nrehearsal = true\n")
    with pytest.raises(ConfigurationError, match="1 problem"):
        assert gate.site.config


@pytest.mark.slow
def test_a_gate_with_the_list_of_a_desk_drills_with_what_it_last_heard(
    film: Path, scene: Path, shared: Path, tmp_path: Path
) -> None:
    """Also while the desk, the broker and the gate are down; its store stays as it is."""
    models.fetch("zoo", STORE, shared / "models")
    with contextlib.closing(Town(tmp_path, STORE, ["north"])) as town:
        consent = Consent("test", "somebody in a film", date.today() + timedelta(days=2))
        person = town.people().enroll("visitor", consent, models.manifest("zoo").id, templates(scene, "zoo")).id
        town.broker.start()
        town.start_desk()
        town.start_gate("north")
        wait(lambda: [contact for contact in town.office().contacts().values() if contact.people == 1], 60)
    store = town.gate_config("north").state / "list.sqlite"
    before = store.read_bytes()
    site = town.sites["north"]
    given = ["--config", site.file, "--credentials", site.secrets, "--clip", film, "--person", person]
    assert answer("drill", *given)["passed"]
    assert store.read_bytes() == before
    store.rename(tmp_path / "elsewhere")
    assert "let the gate hear its desk first" in complaint("drill", *given)
