"""A monitoring room to try: a broker, `edge-gate monitor` and simulated gates on this machine, in one directory."""

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge import files
from edge.config import BrokerSection
from edge.i18n import N_, _
from edge.simulate import HOST, DemoBroker, Server
from edge.traffic import CAMERA, DOOR, FAULTS_PER_HOUR, SITE, SimulatedSite

PEOPLE = {"li": "operator", "wang": "operator", "zhao": "guard", "chief": "supervisor"}
"""Two operators, since a second look is for another person than the one who mended."""
PLAN = Path(__file__).parent / "plan.svg"
PAST_DAYS = 13
TITLE = N_("Government Centre")
NAMES = {
    "north-hall": N_("North hall"), "south-hall": N_("South hall"), "east-hall": N_("East hall"),
    "west-hall": N_("West hall"), "garden-passage": N_("Garden"), "canteen-passage": N_("Canteen"),
    "archive": N_("Archive"),
}  # fmt: skip
"""What people call the gates that the plan shows."""
PARTS = {DOOR: N_("main door"), CAMERA: N_("entrance camera")}
GUARDS = [f"p{number:03}" for number in range(0, 180, 15)]
"""Of the invented people, those who walk the patrols."""
SETTINGS = """\
[web]
port = {port}
[broker]
port = {broker}
[site]
title = {title}
plan = "plan.svg"
[site.names]
{names}
[commands]
operator = "room"
[[level]]
name = "guard_post"
topic = "notice/guard_post"
[[level]]
name = "security_company"
topic = "notice/security_company"
quiet = "22:00-07:00"
[[level]]
name = "duty_leader"
topic = "notice/duty_leader"
[[rule]]
tell = ["guard_post"]
[[rule]]
tell = ["security_company"]
severity = 601
unacknowledged_s = 60
[[rule]]
tell = ["duty_leader"]
kinds = ["DoorForcedOpen", "FireReleased", "Duress"]
[[inspection]]
name = {doors}
every_days = 7
[[inspection]]
name = {housing}
every_days = 1
gate = "demo/north-hall"
[[drill]]
name = {drill}
every_days = 30
gate = "demo/north-hall"
[[patrol]]
name = {patrol}
at = ["06:00", "10:00", "14:00", "18:00", "22:00"]
checkpoints = ["demo/north-hall", "demo/east-hall", "demo/south-hall", "demo/west-hall"]
people = {guards}
"""

Tell = Callable[..., None]
"""Told a message template and its fields."""


class Room(Server):
    """`edge-gate monitor` with its files in `directory`; accounts are made at the first start."""

    def __init__(self, directory: Path, broker_port: int, port: int | None = None) -> None:
        super().__init__()
        self.port = port or self.port
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self.config = directory, directory / "monitor.toml"
        self.config.write_text(_settings(self.port, broker_port))
        (directory / "plan.svg").write_text(PLAN.read_text().format_map({n: _(text) for n, text in NAMES.items()}))
        self.password = self._accounts()

    @property
    def key(self) -> Path:
        """What gates need to accept its acknowledgements, once it has started."""
        return self._directory / "recorder.pub"

    @property
    def operator_key(self) -> Path:
        """What gates need to obey it, once it has started."""
        return self._directory / "room.pub"

    def _accounts(self) -> str:
        """The password of them all; accounts of a first start that was cut off get another one."""
        file = self._directory / "password"
        if not file.exists():
            password = secrets.token_urlsafe(9)
            listed = msgspec.json.decode(self._told("list"))["users"]
            for name, role in PEOPLE.items():
                deed = "change" if name in {each["name"] for each in listed} else "add"
                self._told(deed, name, "--role", role, "--password-stdin", said=password)
            files.replace(file, password.encode())
        return file.read_text()

    def _told(self, *deed: str, said: str = "") -> str:
        """What `edge-gate monitor user` answers."""
        command = self._command("user", *deed, "--json")
        return subprocess.run(command, input=said, text=True, check=True, stdout=subprocess.PIPE).stdout

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "edge.cli", "monitor", *arguments, "--config", str(self.config)]

    def command(self, directory: Path) -> list[str]:
        return self._command("--json")


def _settings(port: int, broker: int) -> str:
    """The whole configuration, its names in the language of whoever tries it."""
    named = {f"{SITE}/{gate}": text for gate, text in NAMES.items()} | PARTS
    return SETTINGS.format(
        port=port, broker=broker, title=_quoted(_(TITLE)), guards=_quoted(GUARDS),
        names="\n".join(f"{_quoted(name)} = {_quoted(_(text))}" for name, text in named.items()),
        doors=_quoted(_("doors and readers")), housing=_quoted(_("housing and camera window")),
        drill=_quoted(_("monthly drill")), patrol=_quoted(_("patrol of the halls")),
    )  # fmt: skip


def _quoted(value: object) -> str:
    """As TOML, which for text and lists of it is JSON."""
    return msgspec.json.encode(value).decode()


@contextmanager
def showroom(
    directory: Path, gates: int, people_per_s: float, tell: Tell, port: int | None = None,
    faults_per_hour: float = FAULTS_PER_HOUR,
) -> Iterator[tuple[Room, SimulatedSite]]:  # fmt: skip
    """All of it running; what is recorded stays in `directory`. EdgeError when a part does not start."""
    with DemoBroker() as broker, Room(directory, broker.port, port) as room:
        site = SimulatedSite(
            directory / "gates", gates, BrokerSection(host=HOST, port=broker.port), room.key, people_per_s,
            room.operator_key, PAST_DAYS, faults_per_hour,
        )  # fmt: skip
        site.start()
        tell("the page is at {url}", url=f"http://{HOST}:{room.port}/")
        tell("log in as {names}, each with the password {password}", names=", ".join(PEOPLE), password=room.password)
        try:
            yield room, site
        finally:
            site.stop()
