"""One TOML file, one validated configuration, and the credentials beside it.

Every key carries its unit in its name. Unknown keys are errors with the nearest known name; all errors of a file
are reported at once. Secrets are never in this file: a credential is a file in the credentials directory
(systemd's `$CREDENTIALS_DIRECTORY`, or `--credentials DIR`), named here or by its fixed name.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from edge import files
from edge.accesssection import AccessSection
from edge.doorsection import DoorSection as DoorSection
from edge.doorsection import LineSection as LineSection
from edge.drillsection import DrillSection
from edge.errors import ConfigurationError, EdgeError, Phrase
from edge.fallbacks import DegradedSection
from edge.i18n import N_
from edge.references import misnamed
from edge.sections import BrokerSection as BrokerSection
from edge.sections import CameraSection as CameraSection
from edge.sections import DeskSection as DeskSection
from edge.sections import GateSection as GateSection
from edge.sections import ModelsSection, OutboxSection
from edge.sections import RecorderSection as RecorderSection
from edge.sections import WhitelistSection as WhitelistSection
from edge.sections import WorkstationSection as WorkstationSection
from edge.signers import IssuerSection, LookSection, OperatorSection, PassesSection
from edge.strict import Problem, convert, errors
from edge.timetable import AreaSection, CalendarSection, LevelSection, ReaderSection, ScheduleSection, ZoneSection


class Config(Struct, forbid_unknown_fields=True):
    """A gate's whole configuration."""

    gate: GateSection
    camera: list[CameraSection]
    door: list[DoorSection] = field(default_factory=list)
    models: ModelsSection = field(default_factory=ModelsSection)
    access: AccessSection = field(default_factory=AccessSection)
    broker: BrokerSection = field(default_factory=BrokerSection)
    whitelist: WhitelistSection = field(default_factory=WhitelistSection)
    outbox: OutboxSection = field(default_factory=OutboxSection)
    degraded: DegradedSection = field(default_factory=DegradedSection)
    drill: DrillSection = field(default_factory=DrillSection)
    recorder: RecorderSection = field(default_factory=RecorderSection)
    passes: PassesSection = field(default_factory=PassesSection)
    issuer: list[IssuerSection] = field(default_factory=list)
    operator: list[OperatorSection] = field(default_factory=list)
    look: LookSection = field(default_factory=LookSection)
    calendar: CalendarSection = field(default_factory=CalendarSection)
    schedule: list[ScheduleSection] = field(default_factory=list)
    level: list[LevelSection] = field(default_factory=list)
    area: list[AreaSection] = field(default_factory=list)
    reader: list[ReaderSection] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return Path(self.gate.state_dir)

    @property
    def runtime(self) -> Path:
        return Path(self.gate.runtime_dir)

    def socket(self, role: str) -> Path:
        """Where the process of this role listens: `eye` (the gate listens there for eyes) or `relay`."""
        return self.runtime / f"{role}.sock"

    def warnings(self) -> Iterator[Problem]:
        """What is allowed and may yet not be meant."""
        for reader in self.reader:
            if reader.silent_after_s and not reader.key_credential:
                yield f"reader.{reader.name}", Phrase("without a key_credential it is never heard, and always silent")
        watched = {camera.door for camera in self.camera}
        for door in self.door:
            if door.name not in watched:
                yield f"door.{door.name}", Phrase("no camera looks at it, so it opens for nobody's face")
            asks = {"pin", "card"} & {*door.opens_with, *door.second_factors}
            if asks and door.name not in {reader.door for reader in self.reader if reader.key_credential}:
                text = "it takes {factors}, and no reader with a key_credential is there to hear them"
                yield f"door.{door.name}", Phrase(text, factors=", ".join(sorted(asks)))

    def problems(self) -> Iterator[Problem]:
        if self.drill.rehearsal and not all(door.chip.startswith("simulated:") for door in self.door):
            yield "drill.rehearsal", Phrase("is for simulated relays only: it lets photographs in")
        users: dict[tuple[str, str | int], str] = {}
        for door in self.door:
            for key, line in door.lines().items():
                other = users.setdefault((door.chip, line.line), door.name)
                if other != door.name:
                    text = "line {line} of {chip} is used by door {other} already"
                    yield f"door.{door.name}.{key}", Phrase(text, line=line.line, chip=door.chip, other=other)


class DeskConfig(Struct, forbid_unknown_fields=True):
    """The whole configuration of a desk."""

    desk: DeskSection
    models: ModelsSection = field(default_factory=ModelsSection)
    broker: BrokerSection = field(default_factory=BrokerSection)
    calendar: ZoneSection = field(default_factory=ZoneSection)
    camera: list[CameraSection] = field(default_factory=list)
    """Before which people are enrolled: `edge-gate enroll NAME --camera NAME`."""

    @property
    def state(self) -> Path:
        return Path(self.desk.state_dir)


class WorkstationConfig(Struct, forbid_unknown_fields=True):
    """The whole configuration of a workstation."""

    workstation: WorkstationSection
    broker: BrokerSection
    models: ModelsSection = field(default_factory=ModelsSection)
    calendar: ZoneSection = field(default_factory=ZoneSection)
    camera: list[CameraSection] = field(default_factory=list)
    """Before which people are enrolled: `edge-gate enroll NAME --camera NAME`."""


Place = Config | DeskConfig | WorkstationConfig
"""Where people are enrolled: a gate that stands alone, a desk, or a workstation of one."""


OTHERS = ("desk", "workstation")
"""The tables that no configuration of a gate has."""
ENCRYPTED = ".cred"
"""What is added to the name of a credential that the host has encrypted: systemd alone opens it, for a unit."""


class Credentials:
    """Reads secrets from the credentials directory."""

    def __init__(self, directory: Path | None = None) -> None:
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        self.directory = directory or (Path(given) if given else Path("/etc/edge-gate/credentials"))

    def path(self, name: str) -> Path:
        return self.directory / name

    def read(self, name: str) -> str:
        """The text of a credential, without the line end; EdgeError when it cannot be read."""
        try:
            return self.path(name).read_text().rstrip("\r\n")
        except OSError as error:
            hint = "install it as a systemd credential, or name its directory with --credentials"
            raise EdgeError("credential {name} cannot be read: {why}", hint, name=name, why=error.strerror) from error
        except ValueError as error:
            hint = "install it as a systemd credential, or name its directory with --credentials"
            raise EdgeError("credential {name} cannot be read: {why}", hint, name=name, why=error) from error


def load(path: Path) -> Config:
    """Read and validate a configuration; ConfigurationError lists everything that is wrong with it."""
    return _gate(toml(path), path)


def _gate(document: dict[str, Any], path: Path) -> Config:
    if (other := next(filter(document.__contains__, OTHERS), "")) and "gate" not in document:
        text = "{path} has a table [{table}]: it is not the configuration of a gate"
        raise EdgeError(text, "name that of a gate with --config; edge-gate check reads either", path=path, table=other)
    return parse(document, path)


def parse(document: dict[str, Any], path: Path) -> Config:
    """Validate what stands in a configuration; relative names of files in it are meant beside `path`."""
    config, problems = convert(document, Config)
    problems += errors(misnamed(document))
    calendar = config.calendar if config else convert(document.get("calendar", {}), CalendarSection)[0]
    if calendar and calendar.holiday_file:
        # Absolute, since a drill has its copy of the configuration elsewhere.
        calendar.holiday_file = str((path.parent / calendar.holiday_file).absolute())
        problems += errors(calendar.file_problems())
    if problems or config is None:
        raise ConfigurationError(path, problems)
    return config


def load_desk(path: Path) -> DeskConfig:
    """Read and validate the configuration of a desk."""
    return _desk(toml(path), path)


def _desk(document: dict[str, Any], path: Path) -> DeskConfig:
    config, problems = convert(document, DeskConfig)
    if problems or config is None:
        raise ConfigurationError(path, problems)
    return config


def load_place(path: Path) -> Place:
    """The configuration of a gate, or of a desk or a workstation when it has a table of that name."""
    document = toml(path)
    if "workstation" not in document:
        return _desk(document, path) if "desk" in document else _gate(document, path)
    config, problems = convert(document, WorkstationConfig)
    if problems or config is None:
        raise ConfigurationError(path, problems)
    return config


def load_either(path: Path) -> Config | DeskConfig:
    """The configuration of a gate or a desk: of where the database of people is."""
    place = load_place(path)
    if isinstance(place, WorkstationConfig):
        raise EdgeError("this is done at the desk: a workstation has no database", "name its desk.toml with --config")
    return place


def toml(path: Path, hint: str = N_("name the configuration with --config")) -> dict[str, Any]:
    """What a TOML file says; EdgeError, with this hint, when it cannot be read."""
    try:
        return tomllib.loads(files.text(path))
    except OSError as error:
        raise EdgeError("{path} cannot be read: {why}", hint, path=path, why=error.strerror) from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise ConfigurationError(path, [EdgeError("not a TOML file: {why}", why=error)]) from error
