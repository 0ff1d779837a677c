"""The configuration of the monitoring room: one TOML file, checked as strictly as a gate's.

docs/monitor-configuration.md is made from these docstrings. Paths are relative to the file's own directory and may
name variables, such as `$CREDENTIALS_DIRECTORY`.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from edge.errors import ConfigurationError, EdgeError, Phrase
from edge.mqtt import Address
from edge.strict import Problem, convert
from monitor.limits import Rules
from monitor.linkage import Level, Rule
from monitor.rounds import DrillPlan, Patrol, Plan
from monitor.terms import DAY_S

Port = Annotated[int, Meta(ge=1, le=65535)]


class WebSection(Struct, forbid_unknown_fields=True):
    """Where the page is served."""

    address: str = "127.0.0.1"
    """The address that it listens on. On any but this machine's own, TLS is needed."""
    port: Port = 8080
    """The port that it listens on."""
    certificate_file: str = ""
    """Its certificate with the chain, in PEM; turns TLS on."""
    key_file: str = ""
    """The private key of `certificate_file`."""
    url: str = ""
    """Where people reach the page: `https://room.example.gov.cn`. For the links in notices, and for passkeys."""

    def problems(self) -> Iterator[Problem]:
        if bool(self.certificate_file) != bool(self.key_file):
            yield "certificate_file", Phrase("and key_file are only of use together")
        if self.address not in ("127.0.0.1", "::1", "localhost") and not self.certificate_file:
            yield (
                "address",
                Phrase("needs certificate_file and key_file: no password crosses a network in the clear"),
            )


class BrokerSection(Struct, forbid_unknown_fields=True):
    """The MQTT broker of the gates."""

    host: str = "127.0.0.1"
    """Its name or address."""
    port: Port = 1883
    """Usually 1883, or 8883 with TLS."""
    username: str = ""
    """Who logs in."""
    password_file: str = ""
    """The file with the password."""
    ca_file: str = ""
    """The certificate authority that the broker's certificate must come from; turns TLS on."""
    certificate_file: str = ""
    """The room's certificate, where the broker asks for one."""
    key_file: str = ""
    """The private key of `certificate_file`."""
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] = 15
    """How often the connection is proved alive."""

    def problems(self) -> Iterator[Problem]:
        if self.username and not self.password_file:
            yield "password_file", Phrase("is needed with username")
        if bool(self.certificate_file) != bool(self.key_file):
            yield "certificate_file", Phrase("and key_file are only of use together")


class StoreSection(Struct, forbid_unknown_fields=True):
    """Where events, alarms and accounts are kept."""

    database: str = "room.sqlite"
    """A file for SQLite, or `postgresql://USER@HOST/NAME`. A password belongs into `~/.pgpass`, not here."""
    signing_key: str = "recorder.jwk"
    """The key that signs acknowledgements to the gates, made on first use; they need the `.pub` beside it. It also
    signs where old steps of alarms were cut off."""


class SiteSection(Struct, forbid_unknown_fields=True):
    """What the page shows around the gates."""

    title: str = "edge-gate"
    """The name of the site, as people say it."""
    plan: str = ""
    """A floor plan, an SVG whose elements have the ids `SITE/GATE`; without one the page draws a grid."""
    time_zone: str = "Asia/Shanghai"
    """The zone of the times on the page."""
    sender: Annotated[str, Meta(pattern=r"^[^\s,<&]+$")] = "edge-gate"
    """What CAP alerts name as their sender: unique in the world, such as a DNS name of the site."""
    names: dict[str, str] = field(default_factory=dict)
    """What people call gates (`"hq/north" = "北大厅"`), doors and cameras (`main = "正门"`), in `[site.names]`."""

    def problems(self) -> Iterator[Problem]:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            yield "time_zone", Phrase("is no time zone; an example: Asia/Shanghai")


Asked = Literal["open", "lock_down", "release", "block", "unblock", "unlock", "lock", "acknowledge", "forgive"]


class CommandsSection(Struct, forbid_unknown_fields=True):
    """What may be asked of gates from the page."""

    operator: str = ""
    """What the gates' `[[operator]]` calls this room; without it the page commands nothing."""
    key: str = "room.jwk"
    """The key that signs commands, made on first use; gates need the `.pub` beside it."""
    guards_may: list[Asked] = field(default_factory=lambda: ["open", "lock_down", "acknowledge"])
    """What guards may ask for; operators may everything."""
    four_eyes: bool = False
    """Whether locking down or releasing a whole site takes a second person."""
    four_eyes_within_s: Annotated[float, Meta(ge=10, le=3600)] = 300.0
    """How long it waits for that person."""


class LookSection(Struct, forbid_unknown_fields=True):
    """The live look through the cameras of gates; off without any of them."""

    gates: dict[str, str] = field(default_factory=dict)
    """`"SITE/GATE" = "https://HOST:8443"`: where each gate's look is, in a table `[look.gates]`."""
    certificate_file: str = "room.crt"
    """The room's certificate, which gates ask for."""
    key_file: str = "room.key"
    """The private key of `certificate_file`."""
    ca_file: str = "ca.crt"
    """The certificate authority that the gates' certificates must come from."""
    before_open_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """`open` is only taken from whoever has looked at the gate within so long; 0 asks for no look."""

    def problems(self) -> Iterator[Problem]:
        for gate, url in self.gates.items():
            if "/" not in gate or not url.startswith("https://"):
                yield "gates", Phrase('must be like "hq/lobby" = "https://192.0.2.20:8443"')


class HomeAssistantSection(Struct, forbid_unknown_fields=True):
    """Gates as devices of Home Assistant, to look at and not to command; off without a prefix."""

    prefix: Annotated[str, Meta(pattern=r"^[^+#\x00]*$")] = ""
    """Below which topic it looks for devices: usually `homeassistant`."""
    language: Literal["zh_CN", "en"] = "zh_CN"
    """The language of the names there."""


class MailSection(Struct, forbid_unknown_fields=True):
    """The server that takes letters to levels with an `email`."""

    host: str = ""
    """Its name; no letters without one."""
    port: Port = 587
    """Usually 587 with `starttls`, 465 with `tls`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; without it no password is sent."""
    username: str = ""
    """Who logs in."""
    password_file: str = ""
    """The file with the password."""
    sender: str = ""
    """The address that letters come from."""
    ca_file: str = ""
    """The certificate authority of the server's certificate, where it is none of the system's."""

    def problems(self) -> Iterator[Problem]:
        if self.host and "@" not in self.sender:
            yield "sender", Phrase("must be the address that letters come from")
        if bool(self.username) != bool(self.password_file):
            yield "password_file", Phrase("and username are only of use together")
        if self.username and self.security == "none":
            yield "security", Phrase("must not be none: no password crosses a network in the clear")


class RetentionSection(Struct, forbid_unknown_fields=True):
    """How long personal data is kept."""

    personal_s: Annotated[float, Meta(ge=3600, le=3660 * DAY_S)] = 90 * DAY_S
    """Then who passed or commanded is erased from the events; what remains of them still proves that none is missing.
    Notices, which name addresses, and refused messages are deleted. Who commanded is in the audit for longer."""
    staff_s: Annotated[float, Meta(ge=DAY_S, le=3660 * DAY_S)] = 730 * DAY_S
    """Then who did what with alarms, what they wrote and reported, and who accepted a gap is erased, which leaves what
    is signed valid, and the audit is deleted."""
    steps_s: Annotated[float, Meta(ge=DAY_S, le=3660 * DAY_S)] = 1096 * DAY_S
    """So long after an alarm was closed its steps are deleted. A signed checkpoint takes their place, with which the
    rest of the chain is verified: `edge-gate monitor verify`. The alarm itself stays, without names."""


class Settings(Struct, forbid_unknown_fields=True):
    """The whole configuration; every table may be left out."""

    web: WebSection = field(default_factory=WebSection)
    broker: BrokerSection = field(default_factory=BrokerSection)
    store: StoreSection = field(default_factory=StoreSection)
    site: SiteSection = field(default_factory=SiteSection)
    alarms: Rules = field(default_factory=Rules)
    retention: RetentionSection = field(default_factory=RetentionSection)
    commands: CommandsSection = field(default_factory=CommandsSection)
    look: LookSection = field(default_factory=LookSection)
    mail: MailSection = field(default_factory=MailSection)
    home_assistant: HomeAssistantSection = field(default_factory=HomeAssistantSection)
    inspection: list[Plan] = field(default_factory=list)
    drill: list[DrillPlan] = field(default_factory=list)
    patrol: list[Patrol] = field(default_factory=list)
    level: list[Level] = field(default_factory=list)
    rule: list[Rule] = field(default_factory=list)

    def problems(self) -> Iterator[Problem]:
        names = [level.name for level in self.level]
        for index, rule in enumerate(self.rule):
            for name in rule.tell:
                if name not in names:
                    yield f"rule[{index}].tell", Phrase("there is no [[level]] {name}", name=name[:40])
        for table in ("inspection", "drill", "patrol"):
            called = [each.name for each in getattr(self, table)]
            for name in {name for name in called if called.count(name) > 1}:
                yield f"{table}.{name}", Phrase("there are several of this name")
        for name in {name for name in names if names.count(name) > 1}:
            yield f"level.{name}", Phrase("there are several of this name")
        for level in self.level:
            if level.email and not self.mail.host:
                yield f"level.{level.name}.email", Phrase("needs a server: configure [mail]")


class Configured(Struct, frozen=True):
    """Settings, and the directory that their paths are relative to."""

    settings: Settings
    directory: Path

    def path(self, name: str) -> Path:
        return self.directory / os.path.expandvars(name)

    def secret(self, name: str) -> str:
        """The one line in a file; EdgeError when it cannot be read."""
        path = self.path(name)
        try:
            return path.read_text().rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise EdgeError("{path} cannot be read: {why}", path=path, why=getattr(error, "strerror", error)) from error

    @property
    def database(self) -> Path | str:
        """As `monitor.database.Database` takes it."""
        where = os.path.expandvars(self.settings.store.database)
        return where if "://" in where else self.path(where)

    @property
    def broker(self) -> Address:
        """Where the broker is, with the secrets; EdgeError when one cannot be read."""
        section = self.settings.broker
        return Address(
            host=section.host,
            port=section.port,
            username=section.username,
            password=self.secret(section.password_file) if section.password_file else "",
            ca_file=str(self.path(section.ca_file)) if section.ca_file else "",
            certificate_file=str(self.path(section.certificate_file)) if section.certificate_file else "",
            key_file=self.path(section.key_file) if section.key_file else None,
            keepalive_s=section.keepalive_s,
        )


def load(path: Path) -> Configured:
    """Read and check a configuration; ConfigurationError lists everything that is wrong with it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        hint = "name the configuration with --config"
        raise EdgeError("{path} cannot be read: {why}", hint, path=path, why=error.strerror) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(path, [EdgeError("not a TOML file: {why}", why=error)]) from error
    settings, problems = convert(document, Settings)
    if settings is None:
        raise ConfigurationError(path, problems)
    return Configured(settings, path.resolve().parent)
