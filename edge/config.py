"""One TOML file, one validated configuration: the schema, and the rules that join its parts.

Every key carries its unit in its name. Unknown keys are errors with the nearest known name; all errors of a file
are reported at once. Secrets are never in this file: a `credential` names a file in the credentials directory
(systemd's `$CREDENTIALS_DIRECTORY`, or `--credentials DIR`).
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from edge.errors import ConfigurationError, EdgeError
from edge.strict import convert

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="lower-case letters, digits and -")]
Seconds = Annotated[float, Meta(ge=0.05, le=3600.0)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Port = Annotated[int, Meta(ge=1, le=65535)]


class GateSection(Struct, forbid_unknown_fields=True):
    """Who this gate is and where it keeps its files."""

    site: Name
    name: Name
    state_dir: str = "/var/lib/edge-gate"
    runtime_dir: str = "/run/edge-gate"
    fact_log: bool = False
    """Log every fact and its effects to state_dir/facts.jsonl, for `edge-gate replay`."""


class ModelsSection(Struct, forbid_unknown_fields=True):
    """Which model pack the eyes run."""

    pack: Name = "zoo"
    directory: str = "/var/lib/edge-gate/models"


class CameraSection(Struct, forbid_unknown_fields=True):
    """One RTSP stream and the door that it looks at."""

    name: Name
    url: str
    door: Name
    username: str = ""
    credential: str = ""
    zone: tuple[Fraction, Fraction, Fraction, Fraction] = (0.0, 0.0, 1.0, 1.0)
    """Capture zone: left, top, right, bottom as fractions of the picture."""
    least_eye_distance_px: Annotated[float, Meta(ge=8, le=1000)] = 40.0
    """In pixels of the full frame: who stands further away does not open the door."""
    detect_width_px: Annotated[int, Meta(ge=160, le=1920)] = 640
    idle_frames_per_s: Annotated[float, Meta(ge=1, le=30)] = 5.0
    """How often an empty scene is searched for faces."""
    open_timeout_s: Annotated[float, Meta(ge=0.5, le=60)] = 5.0
    read_timeout_s: Annotated[float, Meta(ge=0.5, le=60)] = 2.0


class LineSection(Struct, forbid_unknown_fields=True):
    """One GPIO line: its name or offset on the chip, and when it counts as active."""

    line: str | int
    active_low: bool = False
    bias: Literal["as_is", "pull_up", "pull_down", "disabled"] = "as_is"


class DoorSection(Struct, forbid_unknown_fields=True):
    """One door: its lines and its times."""

    name: Name
    relay: LineSection
    chip: str = "/dev/gpiochip0"
    """A GPIO character device, or `simulated:PATH`."""
    contact: LineSection | None = None
    exit_button: LineSection | None = None
    tamper: LineSection | None = None
    fire: LineSection | None = None
    lamps: dict[Literal["look", "granted", "refused"], LineSection] = field(default_factory=dict)
    pulse_s: Annotated[float, Meta(ge=0.1, le=30)] = 3.0
    hard_limit_s: Annotated[float, Meta(ge=0.2, le=60)] = 5.0
    held_open_s: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    debounce_s: Annotated[float, Meta(ge=0.0, le=0.4)] = 0.05


class AccessSection(Struct, forbid_unknown_fields=True):
    """When a face may pass."""

    fpir: Annotated[float, Meta(gt=0, le=0.5)] = 0.01
    """Wanted false-positive identification rate (ISO/IEC 19795): strangers taken for somebody enrolled."""
    votes: Annotated[int, Meta(ge=1, le=30)] = 3
    freshness_s: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    cooldown_s: Annotated[float, Meta(ge=0.0, le=600)] = 5.0
    refuse_after: Annotated[int, Meta(ge=1, le=100)] = 6
    """How many good views of a face may match nobody before it is refused."""
    live_at_least: Fraction = 0.8
    """Mean liveness over a track from which a face is live."""
    attack_below: Fraction = 0.3
    """Mean liveness over a track under which a face is an attack; between the two it is unsure."""
    liveness_unavailable: Literal["second_factor", "accept"] = "second_factor"
    """What a pack without liveness networks may do. `accept` lets a photograph in."""
    storage_slow: Literal["accept", "refuse"] = "accept"
    """What becomes of a grant whose record is not on the disk after 250 ms."""


class BrokerSection(Struct, forbid_unknown_fields=True):
    """The MQTT broker."""

    host: str = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    credential: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_credential: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] = 15


class OutboxSection(Struct, forbid_unknown_fields=True):
    """The durable event log."""

    capacity: Annotated[int, Meta(ge=1000, le=10_000_000)] = 100_000
    warn_at: Fraction = 0.8
    recorder_key: str = "recorder.pub"
    """Credential with the recorder's public key, whose acknowledgement alone prunes events."""


class RecorderSection(Struct, forbid_unknown_fields=True):
    """The receiving side, `edge-gate record`."""

    database: str = "events.sqlite"
    signing_key: str = "recorder.jwk"


class Config(Struct, forbid_unknown_fields=True):
    """A gate's whole configuration."""

    gate: GateSection
    camera: list[CameraSection]
    door: list[DoorSection]
    models: ModelsSection = field(default_factory=ModelsSection)
    access: AccessSection = field(default_factory=AccessSection)
    broker: BrokerSection = field(default_factory=BrokerSection)
    outbox: OutboxSection = field(default_factory=OutboxSection)
    recorder: RecorderSection = field(default_factory=RecorderSection)

    @property
    def state(self) -> Path:
        return Path(self.gate.state_dir)

    @property
    def runtime(self) -> Path:
        return Path(self.gate.runtime_dir)

    def socket(self, role: str) -> Path:
        """Where the process of this role listens: `eye` (the gate listens there for eyes) or `relay`."""
        return self.runtime / f"{role}.sock"


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
            raise EdgeError(
                "credential {name} cannot be read: {why}", hint, name=name, why=error.strerror
            ) from error


def load(path: Path) -> Config:
    """Read and validate a configuration; ConfigurationError lists everything that is wrong with it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise EdgeError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(path, [EdgeError("not a TOML file: {why}", why=error)]) from error
    config, problems = convert(document, Config)
    problems += _joined(config) if config else []
    if problems or config is None:
        raise ConfigurationError(path, problems)
    return config


def _joined(config: Config) -> list[EdgeError]:
    """What no single key can tell: names that refer to nothing, times that contradict each other."""
    return [*_names(config), *_cameras(config), *_doors(config)]


def _names(config: Config) -> list[EdgeError]:
    problems = []
    for kind, names in (("camera", [c.name for c in config.camera]), ("door", [d.name for d in config.door])):
        if not names:
            problems.append(EdgeError("{kind}: at least one [[{kind}]] is needed", kind=kind))
        for name in {name for name in names if names.count(name) > 1}:
            problems.append(EdgeError("{kind}: the name {name} is used twice", kind=kind, name=name))
    return problems


def _cameras(config: Config) -> list[EdgeError]:
    problems = []
    doors = [door.name for door in config.door]
    for camera in config.camera:
        where = f"camera.{camera.name}"
        left, top, right, bottom = camera.zone
        if camera.door not in doors:
            problems.append(EdgeError("{where}.door: there is no door {door}", where=where, door=camera.door))
        if left >= right or top >= bottom:
            problems.append(EdgeError("{where}.zone: must be [left, top, right, bottom]", where=where))
        problems += [EdgeError("{where}.url: {why}", where=where, why=why) for why in _url(camera.url)]
    return problems


def _url(url: str) -> list[str]:
    parts = urlsplit(url)
    problems = [] if parts.scheme in ("rtsp", "rtsps") and parts.hostname else ["must be rtsp://HOST[:PORT]/PATH"]
    if parts.username or parts.password:
        problems.append("must not carry a password; use username and credential")
    return problems


def _doors(config: Config) -> list[EdgeError]:
    problems = []
    for door in config.door:
        where = f"door.{door.name}"
        if door.pulse_s > door.hard_limit_s:
            text = "{where}.pulse_s: {pulse} s is longer than hard_limit_s {limit} s"
            problems.append(EdgeError(text, where=where, pulse=door.pulse_s, limit=door.hard_limit_s))
        named = [door.relay, door.contact, door.exit_button, door.tamper, door.fire, *door.lamps.values()]
        lines = [line.line for line in named if line]
        for line in {line for line in lines if lines.count(line) > 1}:
            problems.append(EdgeError("{where}: line {line} is used twice", where=where, line=line))
    return problems
