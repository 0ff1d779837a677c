"""Which credentials the units load, by the configuration; what the host has encrypted stays so on the disk."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import answer
from tests.conftest import ROOT, need

CONFIGURATION = (ROOT / "config/gate.toml").read_text()
ROOM = (ROOT / "config/monitor.toml").read_text()
LOOK = """
[look]
certificate_file = "$CREDENTIALS_DIRECTORY/room.crt"
key_file = "$CREDENTIALS_DIRECTORY/room.key"
ca_file = "${CREDENTIALS_DIRECTORY}/ca.crt"    # beside "#", as "$CREDENTIALS_DIRECTORY/comment.key"
"""
CAMERA = """
[[camera]]
name = "north"
url = "rtsp://192.0.2.10/stream"
username = "eye"
credential = "camera.password"
"""
DESK = """
[whitelist]
source = "desk"
[[operator]]
name = "room"
credential = "room.pub"
"""


def loaded(tmp_path: Path, text: str, *files: str, kind: str = "gate") -> set[str]:
    """The lines of the unit's drop-in when these files are among the credentials."""
    (tmp_path / "gate.toml").write_text(text)
    credentials = tmp_path / "credentials"
    shutil.rmtree(credentials, ignore_errors=True)
    credentials.mkdir()
    for name in files:
        (credentials / name).write_bytes(b"x")
    options = [
        "--kind",
        kind,
        "--config",
        tmp_path / "gate.toml",
        "--credentials",
        credentials,
        "--into",
        tmp_path / "units",
    ]
    command = [sys.executable, "scripts/units", "drop-ins", *map(str, options)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    unit = {"gate": "edge-gate", "monitor": "edge-gate-monitor"}[kind]
    lines = (tmp_path / f"units/{unit}.service.d/credentials.conf").read_text().splitlines()
    return {line.replace("/etc/edge-gate/credentials/", "") for line in lines if line.startswith("Load")}


def test_a_gate_that_follows_a_desk_is_given_its_keys_and_no_other(tmp_path: Path) -> None:
    files = ["gate-sign.key", "gate-open.key", "desk.pub", "room.pub", "whitelist.key", "somebody-elses.key"]
    assert loaded(tmp_path, CONFIGURATION + DESK, *files) == {f"LoadCredential={name}:{name}" for name in files[:4]}
    assert loaded(tmp_path, CONFIGURATION, *files) == {"LoadCredential=whitelist.key:whitelist.key"}


def test_what_the_host_has_encrypted_is_loaded_as_such(tmp_path: Path) -> None:
    files = ["gate-sign.key.cred", "gate-open.key.cred", "gate-open.key", "desk.pub", "desk-next.pub"]
    assert loaded(tmp_path, CONFIGURATION + DESK, *files) == {
        "LoadCredentialEncrypted=gate-sign.key:gate-sign.key.cred",
        "LoadCredentialEncrypted=gate-open.key:gate-open.key.cred",
        "LoadCredential=desk.pub:desk.pub",
        "LoadCredential=desk-next.pub:desk-next.pub",
    }


def test_the_room_is_given_every_credential_that_a_setting_names_and_none_of_a_comment(tmp_path: Path) -> None:
    files = ["broker.key", "room.crt", "room.key", "ca.crt", "page.key", "comment.key"]
    assert loaded(tmp_path, ROOM + LOOK, *files, kind="monitor") == {
        f"LoadCredential={name}:{name}" for name in files[:4]
    }


def test_an_eye_is_given_the_password_and_the_address_of_each_lens(tmp_path: Path) -> None:
    lens = """[camera.infrared]
url = "rtsp://192.0.2.11/ir"
username = "eye"
credential = "infrared.password"
"""
    loaded(tmp_path, CONFIGURATION + CAMERA + lens, "camera.password", "infrared.password")
    lines = (tmp_path / "units/edge-gate-eye@north.service.d/camera.conf").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "[Service]",
        "LoadCredential=camera.password:/etc/edge-gate/credentials/camera.password",
        "LoadCredential=infrared.password:/etc/edge-gate/credentials/infrared.password",
        "IPAddressAllow=192.0.2.10",
        "IPAddressAllow=192.0.2.11",
    ]


@pytest.mark.real
def test_an_eye_is_shown_its_confirmed_view_whatever_its_unit_hides(tmp_path: Path) -> None:
    need(shutil.which("systemd-analyze"), "systemd-analyze")
    view = "/var/lib/edge-gate/confirmed views/100%.png"
    loaded(tmp_path, f'{CONFIGURATION}{CAMERA}confirmed_view = "{view}"\n')
    unit = tmp_path / "units/edge-gate-eye@north.service"
    told = Path(f"{unit}.d/camera.conf").read_text().splitlines()
    assert told[-1] == 'BindReadOnlyPaths="-/var/lib/edge-gate/confirmed views/100%%.png"'
    shutil.copy(ROOT / "config/edge-gate-eye@.service", unit)
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert "BindReadOnlyPaths" not in done.stderr and "camera.conf" not in done.stderr, "systemd can read it"


@pytest.mark.real
def test_a_credential_that_was_encrypted_opens_under_its_own_name_alone(tmp_path: Path) -> None:
    """As docs/whitelist.md says it, but for the key: a machine for tests has neither a TPM nor a key to spend."""
    need(shutil.which("systemd-creds"), "systemd-creds")
    answer("keys", "new", "gate", "--directory", tmp_path)
    key, sealed = tmp_path / "gate-open.key", tmp_path / "gate-open.key.cred"
    encrypt = ["systemd-creds", "encrypt", "--with-key=tpm2-absent", "--name=gate-open.key", key, sealed]
    subprocess.run(encrypt, check=True, capture_output=True)
    assert key.read_bytes() not in sealed.read_bytes()
    for name, opens in (("gate-open.key", True), ("gate-sign.key", False)):
        done = subprocess.run(["systemd-creds", "decrypt", f"--name={name}", sealed, "-"], capture_output=True)
        assert (done.returncode == 0, done.stdout == key.read_bytes()) == (opens, opens)
