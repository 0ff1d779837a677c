"""Commands and nonsense: each is refused by name, with what to do, and nothing that was given is touched."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli.record import address_of
from edge.errors import EdgeError
from edge.site import Site
from monitor.ledger import Ledger
from tests.commands import answer, complaint, run
from tests.conftest import ROOT, need
from tests.replay.test_replay import record

NOBODY = 65534


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "models", broker_port=1, url="rtsp://127.0.0.1:1/x")


@pytest.mark.parametrize("kind", ["another database", "text"])
def test_a_file_that_is_no_ledger_is_neither_summed_up_nor_touched(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.sqlite"
    if kind == "another database":
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE events (x)")
        db.close()
    else:
        path.write_text("no database, but long enough to be read as one" * 9)
    before = path.read_bytes()
    for more in ([], ["--summary"]):
        done = run("record", *more, "--broker", "127.0.0.1:1", "--database", path, "--key", tmp_path / "key")
        assert done.returncode == 1 and done.stderr.startswith(str(path)) and "Traceback" not in done.stderr
    assert path.read_bytes() == before and sorted(each.name for each in tmp_path.glob("x*")) == ["x.sqlite"]


@pytest.mark.parametrize("versions", [[], [""], ["9999"], ["0001", "0002"]])
def test_a_ledger_that_names_no_version_that_is_known_is_left_as_it_is(tmp_path: Path, versions: list[str]) -> None:
    path = tmp_path / "x.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM alembic_version")
        db.executemany("INSERT INTO alembic_version VALUES (?)", [(version,) for version in versions])
    db.close()
    before = path.read_bytes()
    said = complaint("record", "--summary", "--broker", "127.0.0.1:1", "--database", path)
    assert said.startswith(f"{path} does not name a version") and "put back a copy of it" in said
    assert path.read_bytes() == before


def test_a_ledger_is_summed_up(tmp_path: Path) -> None:
    Ledger(tmp_path / "events.sqlite").close()
    told = answer("record", "--summary", "--database", tmp_path / "events.sqlite", "--broker", "127.0.0.1:1")
    assert told["events"] == 0


@pytest.mark.parametrize("broker", ["x:0", "x:99999", "x:\u00b2", ":1883", "a b:1883", "x", "x:-1", "x:" + "9" * 5000])
def test_an_address_that_is_none_is_refused(tmp_path: Path, broker: str) -> None:
    with pytest.raises(EdgeError, match="is not HOST:PORT"):
        address_of(broker, tmp_path, None)


def test_a_host_that_cannot_be_is_told_without_a_traceback(site: Site) -> None:
    site.file.write_text(site.file.read_text().replace("127.0.0.1", "a" * 70))
    told = answer("doctor", "--config", site.file, "--credentials", site.secrets, status=1)
    failed = {found["check"] for found in told["findings"] if found["outcome"] == "failed"}
    assert {"cameras", "broker"} <= failed


def test_a_log_with_a_broken_string_or_a_door_that_is_none_is_named(tmp_path: Path) -> None:
    log = record(tmp_path / "facts.jsonl")
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'"boot":"boot"', b'"boot":"b\xff\xfet"', 1))
    assert f"{log}, line 2: not a fact log" in complaint("replay", log)
    cameras = json.loads(whole.split(b"\n")[0])["rules"]["cameras"]
    camera, door = next(iter(cameras.items()))
    log.write_bytes(whole.replace(f'"{camera}":"{door}"'.encode(), b'"front":"elsewhere"', 1))
    assert f"{log}, line 1: not a fact log: its rules name what is not there: 'elsewhere'" in complaint("replay", log)
    assert "Is a directory" in complaint("replay", tmp_path)


@pytest.mark.parametrize(
    "endless",
    [["replay"], ["enroll", "--config", "SITE", "--from"], ["check", "--config"], ["simulate", "--scenario"]],
)
def test_what_never_ends_is_refused(site: Site, endless: list[str]) -> None:
    said = complaint(*(str(site.file) if part == "SITE" else part for part in endless), "/dev/zero")
    assert said.startswith("/dev/zero")


def test_what_is_too_large_for_a_configuration_is_told_in_the_language_of_who_asks() -> None:
    chinese = run("check", "--config", "/dev/zero", LANG="zh_CN.UTF-8").stderr
    assert "/dev/zero 超过 16000000 字节" in chinese and "bytes" not in chinese


def test_a_configuration_may_come_through_a_pipe(site: Site) -> None:
    checked = run("check", "--config", "/dev/stdin", stdin=site.file.read_text())
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("begun", [["replay"], ["enroll", "--config", "SITE", "--from"]])
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(site: Site, tmp_path: Path, begun: list[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    said = complaint(*(str(site.file) if part == "SITE" else part for part in begun), tmp_path / "pipe")
    assert said.startswith(f"{tmp_path}/pipe")


@pytest.mark.parametrize(
    "command", [["--help"], ["models", "list"], ["models", "list", "--json"], ["nonsense", "--json"]]
)
def test_an_answer_that_has_nowhere_to_go_is_said(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = run(*command, stdout=full)
    assert (done.returncode, done.stderr) == (1, "the answer could not be written: No space left on device\n")


def test_ctrl_c_while_it_loads_ends_it_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("print('loading', flush=True)\nimport time\ntime.sleep(60)\n")
    command, path = [sys.executable, "-m", "edge", "--help"], {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, stdout=-1, stderr=-1, env=path, cwd=ROOT) as process:
        assert process.stdout and process.stdout.readline() == b"loading\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (-signal.SIGINT, b"")


def test_a_recorder_that_cannot_keep_its_key_or_events_says_so(tmp_path: Path) -> None:
    here = "--broker", "127.0.0.1:1"
    done = run("record", *here, "--database", tmp_path, "--key", tmp_path / "key.jwk")
    assert (done.returncode, done.stderr) == (1, f"{tmp_path} cannot be used: Is a directory\n")
    (tmp_path / "file").touch()
    said = complaint("record", *here, "--database", tmp_path / "x.sqlite", "--key", tmp_path / "file" / "key.jwk")
    assert "key.jwk cannot be written" in said and "with --key" in said


@pytest.mark.parametrize(
    "room", ["http://[::1", "http://127.0.0.1:99999", "https://", "ftp://127.0.0.1", "http://192.0.2.1"]
)
def test_a_room_at_no_address_or_in_the_clear_is_refused(tmp_path: Path, room: str) -> None:
    (tmp_path / "password").write_text("x")
    said = complaint("watch", "--room", room, "--user", "x", "--password-file", tmp_path / "password")
    assert room in said and "https://" in said


def test_a_file_that_is_no_chip_or_key_is_named(site: Site) -> None:
    (site.secrets / "whitelist.key").write_bytes(b"short")
    said = complaint("people", "list", "--config", site.file, "--credentials", site.secrets)
    assert said.startswith(f"{site.secrets}/whitelist.key is no sealing key") and "put back the copy" in said
    site.file.write_text(site.file.read_text().replace(f"simulated:{site.chip}", str(site.file)))
    assert f"{site.file} is no GPIO chip\nsee what there is" in complaint("relay", "test", "--config", site.file)


@pytest.mark.parametrize("role", ["relay", "gate"])
def test_a_process_that_has_nowhere_to_listen_says_so(site: Site, role: str) -> None:
    site.config.runtime.touch()
    said = complaint("run", "--role", role, "--config", site.file, "--credentials", site.secrets)
    assert f"{site.config.runtime}/" in said and "set gate.runtime_dir" in said


def test_models_are_fetched_from_a_directory_and_not_from_a_file(tmp_path: Path) -> None:
    source = tmp_path / "MobileFaceNet.tflite"
    source.write_bytes(b"x")
    said = complaint("models", "fetch", "registry", "--from", source, "--directory", tmp_path / "models")
    assert f"{source} is no directory" in said and "name the directory that the files are in" in said


@pytest.mark.parametrize(
    "command", [["replay"], ["check", "--config"], ["camera", "aim", "--config"], ["nonsense"], ["revoke", "--config"]]
)
def test_an_argument_that_is_no_text_is_answered_in_json(command: list[str]) -> None:
    line = [sys.executable, "-m", "edge.cli", *command, b"/none/\xff\xfe", "--json"]
    done = subprocess.run(line, capture_output=True, cwd=ROOT, check=False)
    assert done.returncode in (1, 2) and done.stderr == b"" and done.stdout.count(b"\n") == 1
    assert json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    "command",
    [
        ["visitor", "revoke", "--config", "SITE", b"\xff\xfe"],
        ["monitor", "user", "remove", "--config", "ROOM", b"\xff\xfe"],
        ["monitor", "user", "change", "--role", "guard", "--config", "ROOM", b"\xff\xfe"],
        ["explain", "x", "--config", "SITE", "--database", b"a" * 5000],
        ["enroll", "--config", "SITE", "--from", b"a" * 5000],
    ],
)
def test_a_name_that_nothing_can_have_is_refused_without_a_traceback(site: Site, command: list[str | bytes]) -> None:
    room = site.root / "room.toml"
    room.write_text(f"[broker]\nhost = '127.0.0.1'\n[store]\ndatabase = '{site.root}/room.sqlite'\n")
    files = {"SITE": site.file, "ROOM": room}
    line = [sys.executable, "-m", "edge.cli", *(files.get(part, part) if isinstance(part, str) else part
                                               for part in command)]  # fmt: skip
    done = subprocess.run(line, capture_output=True, input=b"a long password\n" * 2, cwd=ROOT, check=False)
    assert done.returncode in (1, 2) and done.stderr and b"Traceback" not in done.stderr


@pytest.fixture
def locked() -> Iterator[Site]:
    """A gate whose state only its own user may look into."""
    need(os.geteuid() == 0, "root, to become another user")
    root = Path(tempfile.mkdtemp(prefix="locked-"))  # pytest's own folders are its user's alone
    root.chmod(0o755)
    site = Site(root, root / "models", broker_port=1, url="rtsp://127.0.0.1:1/x")
    (root / "state" / "whitelist.sqlite").write_bytes(b"")
    site.secrets.chmod(0o755)
    (site.root / "state").chmod(0o700)
    (site.root / "room").chmod(0o700)
    for readable in (site.file, *site.secrets.iterdir()):
        readable.chmod(0o644)
    yield site
    shutil.rmtree(root)


@pytest.mark.real
@pytest.mark.parametrize("command", [["people", "list"], ["revoke", "abcdefgh"], ["record", "--summary"]])
def test_whoever_may_not_look_into_the_state_is_told_so(locked: Site, command: list[str]) -> None:
    done = as_nobody(*command, "--config", locked.file, "--credentials", locked.secrets)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Permission denied" in done.stderr and "as the user of the gate" in done.stderr


@pytest.mark.real
def test_doctor_tells_whoever_may_not_look_into_the_state(locked: Site) -> None:
    done = as_nobody("doctor", "--json", "--config", locked.file, "--credentials", locked.secrets)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert findings["whitelist"]["outcome"] == findings["events"]["outcome"] == "failed"


DROPPED = f"""
import os, sys
import encodings.idna, encodings.utf_8_sig
import edge.cli.check, edge.cli.people, edge.cli.record, edge.doctor, monitor.recorder
os.setgroups([]), os.setegid({NOBODY}), os.seteuid({NOBODY})
edge.cli.main()
"""
"""Another user may not be able to read this interpreter, so it is root's until everything is imported."""


def as_nobody(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", DROPPED, *map(str, arguments)], capture_output=True, text=True, cwd="/",
        env={**os.environ, "EDGE_GATE_LANGUAGE": "en", "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip


def test_a_prompt_that_is_left_ends_like_any_interrupted_command(tmp_path: Path) -> None:
    screen, behind = os.openpty()
    (tmp_path / "room.toml").write_text("[broker]\nhost = '127.0.0.1'\n")
    command = [sys.executable, "-m", "edge.cli", "monitor", "user", "add", "li", "--role", "guard", "--config"]
    asked = subprocess.Popen([*command, tmp_path / "room.toml"], stdin=behind, stdout=behind, stderr=behind)
    said = b""
    while b": " not in said:
        said += os.read(screen, 4096)
    os.write(screen, b"\x04")
    assert asked.wait(60) == 130
    os.close(behind)
    with contextlib.suppress(OSError):  # nobody writes there any more
        while more := os.read(screen, 4096):
            said += more
    os.close(screen)
    assert b"Traceback" not in said


def test_an_input_that_is_closed_is_an_empty_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "desk", "restore", tmp_path / "none", "--key", "-"]
    closed = subprocess.run(["sh", "-c", '"$@" <&-', "sh", *command], capture_output=True, text=True, check=False)
    assert closed.returncode in (1, 2) and "Traceback" not in closed.stderr
