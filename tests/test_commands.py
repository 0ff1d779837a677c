"""Commands on a machine with nothing around it: what is wrong is named with what to do, to people and to programs."""

import json
import logging
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from edge.cli.common import OneLine
from edge.cli.everybody import beside
from edge.enrolled import Applicant, Bounds, Consent
from edge.site import Site
from edge.whitelist import Whitelist
from tests.commands import answer, complaint, run
from tests.conftest import ROOT
from tests.replay.test_replay import record

ENGLISH = {**os.environ, "EDGE_GATE_LANGUAGE": "en", "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "models", broker_port=1, url="rtsp://127.0.0.1:1/x")


def given(site: Site, secrets: bool = True) -> list[object]:
    return ["--config", site.file, *(["--credentials", site.secrets] if secrets else [])]


def test_a_configuration_in_order_is_summed_up(site: Site) -> None:
    assert answer("check", "--config", site.file) == {
        "ok": True, "kind": "gate", "cameras": ["entrance"], "doors": ["main"], "warnings": [],
    }  # fmt: skip
    assert "in order, 1 camera(s) and 1 door(s)" in run("check", "--config", site.file).stdout


@pytest.mark.parametrize("kind", ["desk", "workstation"])
def test_a_desk_and_a_workstation_are_checked_as_what_they_are_and_pass_for_no_gate(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "place.toml"
    file.write_text((ROOT / f"config/{kind}.toml").read_text())
    told = answer("check", "--config", file)
    assert told == {"ok": True, "kind": kind, "cameras": [], "doors": [], "warnings": []}
    assert f"in order, of a {kind}" in (said := run("check", "--config", file).stdout) and "were not looked at" in said
    assert f"has a table [{kind}]: it is not the configuration of a gate" in complaint("doctor", "--config", file)
    file.write_text(file.read_text().replace("site =", "sitte ="))
    assert f"{kind}.sitte: unknown key; did you mean site?" in complaint("check", "--config", file)


def test_every_mistake_of_a_configuration_is_told_at_once(site: Site) -> None:
    site.file.write_text(site.file.read_text().replace("pulse_s = 2.0", 'pulse_ms = 2000\nnmae = "x"'))
    said = complaint("check", "--config", site.file)
    for part in ("2 problem(s)", "did you mean pulse_s (seconds)?", "did you mean name?"):
        assert part in said
    told = answer("check", "--config", site.file, status=1)
    assert told["error"].endswith("2 problem(s) in the configuration") and len(told["problems"]) == 2


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["check", "--config", "none.toml"], "name the configuration with --config"),
        (["replay", "/etc/hostname"], "/etc/hostname, line 1: not a fact log"),
        (["replay", "none.jsonl"], "none.jsonl cannot be read: No such file"),
        (["monitor"], "/etc/edge-gate/monitor.toml"),
        (["models", "verify", "zo"], "choose one of: registry, zoo"),
        (["watch", "--broker", "here"], "here is not HOST:PORT"),
        (["keys", "new", "signing", "--directory", "/proc/none"], "/proc/none/recorder.jwk cannot be written"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_why(command: list[str], expected: str) -> None:
    assert expected in complaint(*command)
    assert set(answer(*command, status=1)) == {"error", "hint", "problems"}


def test_a_wrong_call_is_told_to_programs_as_json() -> None:
    assert "No such option" in answer("check", "--jso", status=2)["error"]


def test_a_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    made = answer("keys", "new", "whitelist", "--directory", tmp_path)
    key = Path(made["key"])
    assert (key.name, key.stat().st_mode & 0o777, key.stat().st_size) == ("whitelist.key", 0o600, 32)
    before = key.read_bytes()
    assert "there is a key at" in complaint("keys", "new", "whitelist", "--directory", tmp_path)
    assert key.read_bytes() == before


def test_packs_are_described_and_what_is_missing_of_them(tmp_path: Path) -> None:
    packs = {pack["name"]: pack for pack in answer("models", "list")["packs"]}
    assert packs["zoo"]["liveness"] is True and packs["registry"]["liveness"] is False
    assert isinstance(packs["zoo"]["bytes"], int) and packs["zoo"]["bytes"] > 10_000_000
    told = answer("models", "verify", "registry", "--directory", tmp_path, status=1)
    assert told["ok"] is False and [file["ok"] for file in told["packs"][0]["files"]] == [False] * 4
    said = run("models", "verify", "registry", "--directory", tmp_path)
    assert (said.returncode, said.stdout.count("edge-gate models fetch registry")) == (1, 1)


def test_before_the_first_enrolment_nobody_can_be_listed_or_revoked(site: Site) -> None:
    for command in (["people", "list"], ["revoke", "abcdefgh"]):
        assert "enrol somebody: edge-gate enroll" in complaint(*command, *given(site))
    assert not (site.root / "state/whitelist.sqlite").exists()


def test_a_missing_key_says_how_to_make_one(site: Site, tmp_path: Path) -> None:
    said = complaint("people", "list", "--config", site.file, "--credentials", tmp_path / "none")
    assert f"edge-gate keys new whitelist --directory {tmp_path}/none" in said


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--retain-until", "2020-01-01", "'--retain-until': must lie in the future"),
        ("--retain-until", "31.12.2027", "must be a date, written as 2027-12-31"),
        ("--consent", "", "'--consent': nobody is enrolled without it"),
        ("--purpose", "a\nb", "'--purpose': must be one line of text"),
    ],
)  # fmt: skip
def test_an_enrolment_without_proper_grounds_is_refused(site: Site, option: str, value: str, expected: str) -> None:
    grounds = {"--consent": "A-1", "--purpose": "entry", "--retain-until": "2099-01-01", option: value}
    options = [part for pair in grounds.items() for part in pair]
    assert expected in complaint("enroll", "Somebody", "photo.jpg", *options, *given(site), status=2)


def test_nobody_is_let_in_longer_than_they_are_kept(site: Site) -> None:
    grounds = ["--consent", "A-1", "--purpose", "entry", "--retain-until", "2099-01-01"]
    said = complaint("enroll", "Ann", "photo.jpg", *grounds, "--valid-until", "2099-01-02", *given(site))
    assert "the validity goes beyond 2099-01-01, until which the record is kept" in said
    assert run("enroll", "Ann", "--without-face", *grounds, "--valid-until", "2099-01-01", *given(site)).returncode == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "is not said\nname it: edge-gate people edit --help"),
        (["--valid-until", "2099-01-02"], "beyond 2099-01-01, until which the record is kept\nend it earlier"),
        (
            ["--valid-from", "2099-01-02", "--valid-until", ""],
            "beyond 2099-01-01, until which the record is kept\nend it earlier",
        ),
        (["--retain-until", "2090-01-01"], "beyond 2090-01-01, until which the record is kept\nend it earlier"),
        (["--valid-from", "2098-07-01"], "the validity ends before it begins\nlet it begin earlier"),
        (["--valid-until", "2020-01-01"], "the validity is over already\nname a later end"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_what_to_do(site: Site, options: list[str], expected: str) -> None:
    grounds = ["--consent", "A-1", "--purpose", "entry", "--retain-until", "2099-01-01"]
    answer("enroll", "Ann", "--without-face", *grounds, "--valid-until", "2098-06-01", *given(site))
    (ann,) = answer("people", "list", *given(site))["people"]
    assert expected in complaint("people", "edit", ann["id"], *options, *given(site))
    assert answer("people", "show", ann["id"], *given(site)) == ann, "nothing was changed"


def test_of_somebody_whose_validity_is_over_all_else_can_be_changed(site: Site) -> None:
    consent, past = Consent("A-1", "entry", date(2099, 1, 1)), Bounds(valid_until=1e9, host="Li")
    ann = (
        Whitelist.of(site.config, site.credentials, write=True)
        .admit_faceless(Applicant("Ann", consent, bounds=past), "zoo-1")
        .id
    )
    assert answer("people", "edit", ann, "--host", "Wang", "--name", "Anne", *given(site))["bounds"]["host"] == "Wang"
    assert "over already" in complaint("people", "edit", ann, "--valid-until", "2001-09-10", *given(site))


def test_doctor_finds_what_is_missing_around_a_gate_and_says_how_to_mend_it(site: Site) -> None:
    (site.secrets / "whitelist.key").chmod(0o644)
    told = answer("doctor", *given(site), status=1)
    failed = {found["check"]: found for found in told["findings"] if found["outcome"] == "failed"}
    assert failed.keys() == {"models", "credentials", "directories", "cameras", "broker"}
    assert "edge-gate models fetch registry" in failed["models"]["remedy"]
    assert failed["credentials"]["remedy"].startswith("chmod 600")
    assert "connection refused" in failed["broker"]["text"]
    said = run("doctor", *given(site))
    assert said.returncode == 1 and "ok: door main: 5 lines of simulated:" in said.stdout
    assert f"failed: {failed['cameras']['text']}\n    {failed['cameras']['remedy']}\n" in said.stdout


def test_doctor_names_a_gpio_chip_that_is_not_there(site: Site) -> None:
    site.file.write_text(site.file.read_text().replace(f"simulated:{site.root}/chip", "/dev/gpiochip99"))
    told = answer("doctor", *given(site), status=1)
    assert "there is no GPIO chip /dev/gpiochip99" in [found["text"] for found in told["findings"]]
    assert "there is no GPIO chip /dev/gpiochip99" in complaint("relay", "test", "--config", site.file)


def test_a_relay_is_tried_once_within_its_limit(site: Site) -> None:
    tried = answer("relay", "test", "--config", site.file, "--seconds", "0.2")
    assert tried == {"door": "main", "chip": f"simulated:{site.chip}", "line": 1, "seconds": 0.2}
    assert site.chip.read_bytes()[1] == 0
    assert "longer than the hard limit of 5.0 s" in complaint("relay", "test", "--config", site.file, "--seconds", "6")
    assert "--door must be one of: main" in complaint("relay", "test", "--config", site.file, "--door", "side")
    assert answer("relay", "safe", "--config", site.file) == {"doors": ["main"], "problems": []}


def test_a_fact_log_is_replayed_and_its_differences_told(tmp_path: Path) -> None:
    log = record(tmp_path / "facts.jsonl")
    told = answer("replay", log)
    assert (told["facts"], told["same"], told["differences"]) == (6, True, []) and told["effects"] > 4
    log.write_text(log.read_text().replace('"appearance":[0.9]', '"appearance":[0.1]'))
    told = answer("replay", log, status=1)
    assert told["same"] is False and [each["line"] for each in told["differences"]] == [6, 7]
    log.write_text(log.read_text()[:200] + "\n" + log.read_text()[210:])
    assert f"{log}, line 1: not a fact log" in complaint("replay", log)


def test_help_needs_no_library_of_pictures() -> None:
    done = run("--help", PYTHONPROFILEIMPORTTIME="1")
    assert "cv2" not in done.stderr and "onnxruntime" not in done.stderr and "edge.cli" in done.stderr


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        ("record", "monitor"), ("monitor user list", "monitor"), ("demo", "dev"), ("bench monitor", "dev"),
        ("simulate-site --room x", "dev"),
    ],
)  # fmt: skip
def test_what_is_not_installed_is_named(tmp_path: Path, command: str, needs: str) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ModuleNotFoundError(name='sqlalchemy')")
    done = run(*command.split(), PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False)
    assert "package sqlalchemy" in done.stderr and f"requirements/{needs}.txt" in done.stderr


def test_a_part_of_python_that_is_not_there_is_not_looked_for_in_the_requirements(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ModuleNotFoundError(name='_sqlite3')")
    done = run("record", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "needs _sqlite3 of Python's standard library" in done.stderr
    assert "requirements/" not in done.stderr and "Traceback" not in done.stderr


def test_nothing_that_was_recorded_is_said_so(site: Site) -> None:
    assert "nothing has been recorded there" in complaint("record", "--summary", *given(site))
    assert json.loads(run("record", "--summary", "--json", *given(site)).stdout)["error"]


@pytest.mark.parametrize(("command", "stream"), [(["watch", "--json"], "stderr"), (["record"], "stdout")])
def test_who_waits_for_the_broker_says_so(tmp_path: Path, command: list[str], stream: str) -> None:
    arguments = [sys.executable, "-m", "edge.cli", *command, "--broker", "127.0.0.1:1"]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=-1, stderr=-1, text=True, env=ENGLISH) as process:
        try:
            lines = getattr(process, stream)
            assert any("the broker: connection refused" in lines.readline() for _ in range(2))
        finally:
            process.kill()


def test_a_package_that_is_not_installed_is_named_with_what_brings_it() -> None:
    """Also where the module of a whole group of commands needs it."""
    without = "import sys; sys.modules['pyrage'] = None; from edge.cli import main; main()"
    call = [sys.executable, "-c", without, "keys", "new", "whitelist"]
    done = subprocess.run(call, capture_output=True, text=True, env=ENGLISH, timeout=60)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False)
    for part in ("edge-gate keys needs the Python package pyrage", "pip install --require-hashes", "gate.txt"):
        assert part in done.stderr


@pytest.mark.parametrize("option", [["--request", "r1"], ["--without-face"], ["--number", "7"]])
def test_what_is_of_one_person_does_not_go_with_a_list(option: list[str], tmp_path: Path) -> None:
    here = ["--config", ROOT / "config/workstation.toml", "--credentials", tmp_path]
    assert "--from names everybody: leave out" in complaint("enroll", "--from", tmp_path, *option, *here)


def test_a_log_record_is_one_line_also_with_an_exception(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    log = logging.Logger("a")
    log.addHandler(handler)
    try:
        raise ValueError("b\n\x1b[2Jc")
    except ValueError:
        log.exception("a\nname", stack_info=True)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("ERROR a; name; Traceback") and "\x1b" not in said
    assert "ValueError: b; \\x1b[2Jc" in said


@pytest.mark.parametrize("source", [".", "../people", "sub/.."])
def test_a_report_lies_beside_the_folder_that_was_named_in_whatever_way(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people/sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "people")
    assert beside(Path(source)).resolve() == tmp_path / "people.refused.csv"
