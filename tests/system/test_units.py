"""The service units: what systemd thinks of them, and that they agree with the code."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import monitor.settings
from edge.config import load, load_desk
from edge.supervise import gate_children
from edge.users import PEERS
from tests.conftest import ROOT, need

CONFIG = ROOT / "config"
UNITS = sorted(CONFIG.glob("*.service"))
TIMERS = sorted(CONFIG.glob("*.timer"))
DRILL = CONFIG / "edge-gate-drill.service"
RELAY, GATE, EYE, LOOK, DESK, ROOM = (
    CONFIG / f"edge-gate{kind}.service" for kind in ("-relay", "", "-eye@", "-look", "-desk", "-monitor")
)


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    need(shutil.which("systemd-analyze"), "systemd-analyze")
    environment = {**os.environ, "LC_ALL": "C", "SYSTEMD_LOG_LEVEL": "warning"}
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


@pytest.mark.real
@pytest.mark.parametrize("unit", [*UNITS, *TIMERS], ids=lambda unit: unit.name)
def test_systemd_misses_nothing_but_the_program(unit: Path) -> None:
    """Its exit status says little: an unknown key is a warning on standard error."""
    missing = re.compile(r"^\S+: Command /opt/edge-gate/bin/edge-gate is not executable: No such file or directory$")
    complaints = analyze("verify", str(unit)).stderr.splitlines()
    assert [line for line in complaints if not missing.match(line)] == []


@pytest.mark.real
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_rates_the_hardening(unit: Path) -> None:
    verdict = analyze("security", "--offline=true", str(unit)).stdout.splitlines()[-1]
    found = re.search(r"exposure level for \S+: ([0-9.]+) ", verdict)
    assert found, verdict
    assert float(found[1]) <= 2.0, verdict


HARDENED = set(
    """
AmbientCapabilities=
CapabilityBoundingSet=
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077
""".strip().splitlines()
)
"""What every unit says."""
HARDENING = re.compile(
    r"Private|Protect|Restrict|NoNew|Capability|Ambient|SystemCall|MemoryDeny|Device|IPAddress|Lock|Keyring|RemoveIPC|UMask"
    r"|TemporaryFile|Bind|Inaccessible|ReadWrite|ReadOnly|ExecPaths|NoExec|ProcSubset"
)
NO_SECRETS, CHIPS = "InaccessiblePaths=-/etc/edge-gate/credentials", "DeviceAllow=char-gpiochip rw"
NO_STATE, SOCKETS = "TemporaryFileSystem=/var/lib/edge-gate:ro", "ReadWritePaths=/run/edge-gate"
ALONE, OWN_USERS, CLOCK, FEW = "IPAddressDeny=any", "PrivateUsers=yes", "ProtectClock=yes", "ProcSubset=pid"
BESIDES = {
    EYE: {ALONE, NO_SECRETS, NO_STATE, OWN_USERS, CLOCK, "BindReadOnlyPaths=-/var/lib/edge-gate/models"},
    LOOK: {ALONE, NO_SECRETS, NO_STATE, OWN_USERS, CLOCK},
    ROOM: {NO_SECRETS, OWN_USERS, CLOCK, FEW},
    DESK: {NO_SECRETS, OWN_USERS, FEW, "SystemCallFilter=adjtimex clock_adjtime"},
    DRILL: {ALONE, "IPAddressAllow=localhost", "SystemCallFilter=chown fchownat adjtimex clock_adjtime"},
    GATE: {CHIPS, SOCKETS, FEW, "SystemCallFilter=chown fchownat adjtimex clock_adjtime"},
    RELAY: {CHIPS, SOCKETS, FEW, ALONE, CLOCK, "PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX",
            "SystemCallFilter=chown fchownat"},
}  # fmt: skip
WITHOUT = {
    GATE: {"PrivateDevices=yes"},
    RELAY: {"PrivateDevices=yes", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"},
}
"""What those cannot have that reach the chips; why each unit differs stands in it."""


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_line_of_the_hardening_is_lost_or_widened(unit: Path) -> None:
    """The rating lets one go: of most lines the loss costs a tenth or two."""
    written = unit.read_text().split("[Service]\n")[1].split("\n[")[0].splitlines()
    hardening = [line for line in written if HARDENING.match(line)]
    assert sorted(hardening) == sorted((HARDENED - WITHOUT.get(unit, set())) | BESIDES[unit])


def service(unit: Path) -> dict[str, str]:
    """The section [Service]; of a key that is given several times, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return dict(parser["Service"])


def test_each_unit_has_a_user_of_its_own_and_the_sockets_know_them() -> None:
    users = {unit: service(unit)["User"] for unit in UNITS if unit != DRILL}
    assert len(set(users.values())) == 6
    assert {"eye": users[EYE], "relay": users[GATE]} == PEERS
    made = re.findall(r"^u (\S+)", (CONFIG / "sysusers.conf").read_text(), re.MULTILINE)
    assert sorted(made) == sorted(users.values())
    assert PEERS["eye"] in service(GATE)["SupplementaryGroups"].split(), "else it cannot give it the socket"
    assert PEERS["relay"] in service(RELAY)["SupplementaryGroups"].split()


def test_a_drill_is_the_gates_user_without_a_device_or_a_network() -> None:
    drill = service(DRILL)
    assert drill["User"] == service(GATE)["User"] and drill["PrivateDevices"] == "yes"
    assert (drill["IPAddressDeny"], drill["IPAddressAllow"]) == ("any", "localhost")
    assert drill["ExecStart"].endswith("edge-gate drill --if-due")
    assert [timer.stem for timer in TIMERS] == [DRILL.stem]


def test_the_desk_has_no_device_and_its_state_where_its_configuration_says() -> None:
    desk, config = service(DESK), load_desk(CONFIG / "desk.toml")
    assert desk["ExecStart"].endswith("edge-gate desk run") and desk["PrivateDevices"] == "yes"
    assert Path("/var/lib") / desk["StateDirectory"] == config.state


def test_the_room_has_no_device_and_its_state_where_its_configuration_says() -> None:
    unit, settings = service(ROOM), monitor.settings.load(CONFIG / "monitor.toml").settings
    assert unit["ExecStart"].endswith("edge-gate monitor") and unit["PrivateDevices"] == "yes"
    state = Path("/var/lib") / unit["StateDirectory"]
    assert {Path(file).parent for file in (settings.store.database, settings.store.signing_key)} == {state}


def test_what_faces_are_in_is_not_left_on_a_disk_by_a_crash() -> None:
    assert {service(unit).get("LimitCORE") for unit in UNITS if unit != RELAY} == {"0"}


def test_the_units_run_what_the_supervisor_runs_with_the_same_watchdogs() -> None:
    config = load(CONFIG / "gate.toml")
    config.look.address = "192.0.2.1"
    relay, eye, look, gate = gate_children(CONFIG / "gate.toml", config, None)
    for unit, child in ((RELAY, relay), (EYE, eye), (LOOK, look), (GATE, gate)):
        written = service(unit)
        role = ["--role", *written["ExecStart"].replace("%i", config.camera[0].name).split("--role ")[1].split()]
        assert role == child.command[child.command.index("--role") :]
        assert float(written["WatchdogSec"]) == child.watchdog_s
        child.close()
    assert relay.stop_post
    assert service(RELAY)["ExecStopPost"].endswith("relay safe")


def test_the_sample_configuration_is_in_order() -> None:
    command = [sys.executable, "-m", "edge.cli", "check", "--json", "--config", str(CONFIG / "gate.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ok"] is True
