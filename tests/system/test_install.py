"""scripts/install into a directory tree: what a gate gets, what stays when it is run again, and wrong calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import models
from tests.conftest import ROOT, need
from tests.system.house import STORE

INSTALL = ROOT / "scripts" / "install"
PACK = "zoo"
UNITS = "etc/systemd/system"
TOOLS = ("systemctl", "systemd-sysusers", "systemd-tmpfiles")
SECRET = "correct horse battery"


def install(*options: object) -> "subprocess.CompletedProcess[str]":
    """Run it as root who keeps everything to themselves: what others need must be there for them all the same."""
    command = ["sh", str(INSTALL), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, umask=0o077)


def installed(root: Path, *options: str) -> Path:
    done = install(*options, "--root", root, "--venv", sys.prefix, "--from", STORE)
    assert done.returncode == 0, done
    return root


@pytest.fixture(scope="module")
def gate(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a gate that was just installed."""
    need(os.geteuid() == 0 and all(map(shutil.which, TOOLS)), "root, and " + ", ".join(TOOLS))
    models.fetch(PACK, STORE, shared / "models")
    return installed(tmp_path_factory.mktemp("image"))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def owner(root: Path, path: str) -> str:
    """The user of the tree that a file of it belongs to."""
    users = dict(line.split(":")[2::-2] for line in (root / "etc/passwd").read_text().splitlines())
    return users[str((root / path).stat().st_uid)]


@pytest.mark.real
def test_a_gate_gets_units_configuration_key_and_models(gate: Path) -> None:
    units = [path for path in (ROOT / "config").iterdir() if path.suffix in (".service", ".timer")]
    copies = {f"{UNITS}/{unit.name}": unit for unit in units}
    copies["etc/edge-gate/gate.toml"] = ROOT / "config/gate.toml"
    for copy, original in copies.items():
        assert (gate / copy).read_bytes() == original.read_bytes() and mode(gate / copy) == 0o644
    credentials = gate / "etc/edge-gate/credentials"
    assert (mode(credentials), mode(credentials / "whitelist.key")) == (0o700, 0o600)
    assert (owner(gate, "var/lib/edge-gate"), mode(gate / "var/lib/edge-gate")) == ("edge-gate", 0o711)
    store = gate / "var/lib/edge-gate/models"
    assert all(file.ok for file in models.verify(PACK, store)), "the sample's pack"
    assert {mode(path) for path in [store, *store.iterdir()]} == {0o755, 0o644}, "else the eyes cannot read them"


@pytest.mark.real
def test_the_units_of_a_gate_start_at_boot_with_its_program(gate: Path) -> None:
    wanted = {str(path.relative_to(gate / UNITS)) for path in (gate / UNITS).glob("*.wants/*")}
    boot = "multi-user.target.wants"
    eye = "edge-gate.service.wants/edge-gate-eye@lobby.service"
    assert wanted == {f"{boot}/edge-gate.service", f"{boot}/edge-gate-relay.service", eye}
    asleep = (gate / UNITS / f"{each}.target" for each in ("sleep", "suspend", "hibernate", "hybrid-sleep"))
    assert all(each.readlink() == Path("/dev/null") for each in asleep), "a pulse would outlive its deadline"
    assert (gate / "opt/edge-gate").readlink() == Path(sys.prefix)
    assert (gate / "usr/local/bin/edge-gate").readlink() == Path("/opt/edge-gate/bin/edge-gate")


@pytest.mark.real
def test_a_second_run_follows_the_configuration_and_keeps_it_and_the_key(gate: Path, tmp_path: Path) -> None:
    root = shutil.copytree(gate, tmp_path / "gate", symlinks=True)
    settings = root / "etc/edge-gate"
    key = (settings / "credentials/whitelist.key").read_bytes()
    text = (settings / "gate.toml").read_text()
    text = text.replace('name = "lobby"\ndoor', 'name = "street"\ndoor').replace("# username", "username")
    text = text.replace('# credential = "camera.', 'credential = "camera.').replace("192.0.2.10", "192.0.2.99")
    text += '\n[drill]\nclip = "/var/lib/edge-gate/approach.mp4"\nevery_days = 90\n'
    text += '[[reader]]\nname = "pad"\ndoor = "main"\nkey_credential = "reader.key"\n'
    (settings / "gate.toml").write_text(text)
    for name in ("camera.password", "reader.key"):
        (settings / "credentials" / name).write_text(SECRET)
    installed(root)
    assert (root / UNITS / "timers.target.wants/edge-gate-drill.timer").is_symlink()
    loaded = (root / UNITS / "edge-gate.service.d/credentials.conf").read_text()
    assert "LoadCredential=reader.key:/etc/edge-gate/credentials/reader.key" in loaded and SECRET not in loaded
    assert (settings / "gate.toml").read_text() == text
    assert (settings / "credentials/whitelist.key").read_bytes() == key
    eyes = [path.name for path in (root / UNITS / "edge-gate.service.wants").iterdir()]
    assert eyes == ["edge-gate-eye@street.service"]
    (drop_in,) = (root / UNITS).glob("edge-gate-eye@*.service.d/camera.conf")
    assert drop_in.parent.name == "edge-gate-eye@street.service.d"
    said = drop_in.read_text().splitlines()
    assert "LoadCredential=camera.password:/etc/edge-gate/credentials/camera.password" in said
    assert "IPAddressAllow=192.0.2.99" in said and SECRET not in drop_in.read_text()
    (settings / "gate.toml").write_text(text.replace("every_days = 90", "every_days = 0"))
    installed(root)
    assert not (root / UNITS / "timers.target.wants/edge-gate-drill.timer").exists()


@pytest.mark.real
def test_a_desk_gets_its_unit_its_keys_as_credentials_and_nothing_of_a_gate(gate: Path, tmp_path: Path) -> None:
    root = tmp_path / "desk"
    (root / "etc/edge-gate/credentials").mkdir(parents=True)
    (root / "etc/edge-gate/credentials/broker.key").write_text(SECRET)
    installed(root, "--desk")
    assert [path.name for path in (root / UNITS).glob("*.wants/*")] == ["edge-gate-desk.service"]
    said = (root / UNITS / "edge-gate-desk.service.d/credentials.conf").read_text().splitlines()
    keys = ["whitelist.key", "desk.key", "broker.key"]
    assert said[2:] == [f"LoadCredential={key}:/etc/edge-gate/credentials/{key}" for key in keys]
    assert (owner(root, "var/lib/edge-gate-desk"), mode(root / "var/lib/edge-gate-desk")) == ("edge-gate-desk", 0o700)
    assert not (root / "etc/edge-gate/gate.toml").exists()
    signs = (root / "etc/edge-gate/credentials/desk.key").read_bytes()
    installed(root, "--desk")
    assert (root / "etc/edge-gate/credentials/desk.key").read_bytes() == signs
    public = root / "etc/edge-gate/credentials/desk.pub"
    before = public.read_bytes()
    public.unlink()
    installed(root, "--desk")
    assert public.read_bytes() == before, "as after a kill between the halves"
    (root / "etc/edge-gate/credentials/desk.key").write_bytes(b"")
    done = install("--desk", "--root", root, "--venv", sys.prefix, "--from", STORE)
    assert done.returncode == 1 and "desk.key is empty: put back the copy" in done.stderr


STEPS = ("of_units", "take_into_use")
STUBS = """
kind=gate root= configuration={configuration} python={python}
step() {{ :; }}
systemctl() {{ echo "$@"; }}
command() {{ false; }}
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system
"""


@pytest.mark.real
@pytest.mark.parametrize(("drills", "told"), [('clip = "x.mp4"\nevery_days = 90', "restart"), ("", "stop")])
def test_drills_are_held_from_the_installation_on_not_from_the_next_boot(
    tmp_path: Path, drills: str, told: str
) -> None:
    need(os.geteuid() == 0, "root, to show the script a system with systemd")
    configuration = tmp_path / "gate.toml"
    configuration.write_text(f"{(ROOT / 'config/gate.toml').read_text()}\n[drill]\n{drills}\n")
    script, stubs = INSTALL.read_text(), STUBS.format(configuration=configuration, python=sys.executable)
    parts = [script[(at := script.index(f"\n{name}() {{")) : script.index("}\n", at) + 2] for name in STEPS]
    command = ["unshare", "-m", "sh", "-eu", "-c", f"{stubs}{''.join(parts)}take_into_use"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines() == [
        "daemon-reload",
        "try-restart edge-gate-relay.service edge-gate.service",
        f"{told} edge-gate-drill.timer",
    ], done


@pytest.mark.real
def test_a_monitoring_room_gets_its_unit_and_the_credentials_that_it_names(gate: Path, tmp_path: Path) -> None:
    root = tmp_path / "room"
    (root / "etc/edge-gate/credentials").mkdir(parents=True)
    for name in ("broker.key", "page.key"):
        (root / "etc/edge-gate/credentials" / name).write_text(SECRET)
    installed(root, "--monitor")
    assert [path.name for path in (root / UNITS).glob("*.wants/*")] == ["edge-gate-monitor.service"]
    said = (root / UNITS / "edge-gate-monitor.service.d/credentials.conf").read_text().splitlines()
    assert said[2:] == ["LoadCredential=broker.key:/etc/edge-gate/credentials/broker.key"], "the page's is a comment"
    assert owner(root, "var/lib/edge-gate-monitor") == "edge-gate-monitor"
    assert not (root / "var/lib/edge-gate/models").exists()


@pytest.mark.parametrize("script", ["scripts/install", ".ci/run"])
def test_the_shell_can_read_the_whole_script(script: str) -> None:
    """Also the parts that only a real gate runs."""
    done = subprocess.run(["sh", "-n", script], cwd=ROOT, capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--form", "/"], "unknown option --form"),
        (["--from", "/none"], "/none is no directory"),
        (["--root"], "--root needs a directory"),
        (["--venv", "/"], "/ has no edge-gate"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_touched(tmp_path: Path, options: list[str], complaint: str) -> None:
    done = install("--root", tmp_path / "image", *options)
    assert done.returncode == 1 and complaint in done.stderr and done.stdout == ""
    assert not (tmp_path / "image").exists()
