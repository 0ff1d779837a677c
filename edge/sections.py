"""The tables of the configuration: every key with its unit, its limits and what it means.

docs/configuration.md is made from these docstrings.
"""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from edge.errors import Phrase
from edge.strict import Problem
from edge.terms import Input

Name = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,30}\Z", description="a name of at most 31 lower-case letters, digits and -"),
]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Pixels = Annotated[int, Meta(ge=0, le=16384)]
Port = Annotated[int, Meta(ge=1, le=65535)]

LONGEST_SOCKET_PATH = 107
"""Bytes, unix(7)."""


class GateSection(Struct, forbid_unknown_fields=True):
    """Who this gate is and where it keeps its files."""

    site: Name
    """The building; first level of the MQTT topics after `edge/v1`."""
    name: Name
    """The gate, unique within its site."""
    state_dir: str = "/var/lib/edge-gate"
    """What must survive a restart: whitelist, event log, fact log."""
    runtime_dir: str = "/run/edge-gate"
    """Where the processes of the gate find each other's sockets."""
    fact_log: bool = False
    """Log every fact and its effects to `facts.jsonl` in `state_dir`, for `edge-gate replay`."""

    def problems(self) -> Iterator[Problem]:
        if len(f"{self.runtime_dir}/relay.sock".encode()) > LONGEST_SOCKET_PATH:
            yield "runtime_dir", Phrase("is too long for the path of a socket")


class ModelsSection(Struct, forbid_unknown_fields=True):
    """Which model pack the eyes run."""

    pack: Name = "zoo"
    """A pack of `edge-gate models list`. Whoever was enrolled with other embedders must enrol again."""
    directory: str = "/var/lib/edge-gate/models"
    """Where `edge-gate models fetch` has put it."""


class CameraSection(Struct, forbid_unknown_fields=True):
    """One RTSP stream and the door that it looks at; a table for each camera."""

    name: Name
    """Unique within the gate."""
    url: str
    """`rtsp://HOST[:PORT]/PATH` or `rtsps://`, without user and password."""
    door: Annotated[
        str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,30})?\Z", description="the name of a door, or nothing")
    ] = ""
    """The name of the door that this camera opens; without one it is only watched over, and recognises nobody."""
    username: str = ""
    """Who logs in to the camera."""
    credential: str = ""
    """The credential with the camera's password."""
    zone: tuple[Fraction, Fraction, Fraction, Fraction] = (0.0, 0.0, 1.0, 1.0)
    """Capture zone: left, top, right, bottom as fractions of the picture. `edge-gate camera aim` shows it."""
    least_eye_distance_px: Annotated[float, Meta(ge=8, le=1000)] = 40.0
    """In pixels of the full frame: who stands further away does not open the door."""
    detect_width_px: Annotated[int, Meta(ge=160, le=1920)] = 640
    """How wide a copy of the picture is searched for faces: larger finds smaller ones and costs more."""
    idle_frames_per_s: Annotated[float, Meta(ge=1, le=30)] = 5.0
    """How often an empty scene is searched for faces."""
    open_timeout_s: Annotated[float, Meta(ge=0.5, le=60)] = 5.0
    """How long connecting may take."""
    read_timeout_s: Annotated[float, Meta(ge=0.5, le=60)] = 2.0
    """How long the stream may be silent before it counts as stalled."""

    picture_size: tuple[Pixels, Pixels] = (0, 0)
    """Width and height in pixels that the stream should have: another size is a fault. 0 when any will do."""
    confirmed_view: str = ""
    """A file that `edge-gate camera aim --confirm` has made: another view is a fault. Without it any will do."""

    def problems(self) -> Iterator[Problem]:
        left, top, right, bottom = self.zone
        if left >= right or top >= bottom:
            yield "zone", Phrase("must be [left, top, right, bottom], left before right and top before bottom")
        if self.username and not self.credential:
            yield "credential", Phrase("is needed with username")
        for why in _url(self.url):
            yield "url", why


class LineSection(Struct, forbid_unknown_fields=True):
    """One GPIO line, written as `{ line = 17, active_low = true }`."""

    line: str | int
    """Its name, or its offset on the chip."""
    active_low: bool = False
    """Whether it is active when its level is low."""
    bias: Literal["as_is", "pull_up", "pull_down", "disabled"] = "as_is"
    """The resistor of an input."""


class DoorSection(Struct, forbid_unknown_fields=True):
    """One door, its lines and its times; a table for each door."""

    name: Name
    """Unique within the gate."""
    relay: LineSection
    """The output that releases the door."""
    chip: str = "/dev/gpiochip0"
    """A GPIO character device, or `simulated:PATH`. A USB adapter goes by a udev link: docs/wiring.md."""
    contact: LineSection | None = None
    """Active while the door leaf is open. Without it the door's state is unknown and nothing is forced or held."""
    exit_button: LineSection | None = None
    """Active while pressed."""
    tamper: LineSection | None = None
    """Active while the housing is open."""
    fire: LineSection | None = None
    """Active while the fire alarm releases the door, which is wired in hardware; here it is only reported."""
    supply: LineSection | None = None
    """Active while the lock's supply has failed."""
    feedback: LineSection | None = None
    """Active while the relay is: its second contact. One that says otherwise than the relay guard is a fault."""
    lamps: dict[Literal["look", "granted", "refused"], LineSection] = field(default_factory=dict)
    """Outputs that tell the person in front of the door what to do."""
    pulse_s: Annotated[float, Meta(ge=0.1, le=30)] = 3.0
    """How long the relay is energised after a grant."""
    hard_limit_s: Annotated[float, Meta(ge=0.2, le=60)] = 5.0
    """The longest that the relay guard ever energises the relay, whatever it is asked."""
    held_open_s: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    """How long the door may stay open before that is an alarm."""
    debounce_s: Annotated[float, Meta(ge=0.0, le=0.4)] = 0.05
    """How long an input must be stable to count."""

    def lines(self) -> dict[str, LineSection]:
        """Every line of this door by its key."""
        named = {key: getattr(self, key) for key in ("relay", *map(str, Input))}
        lamps = {f"lamps.{name}": line for name, line in self.lamps.items()}
        return {key: line for key, line in {**named, **lamps}.items() if line}

    def problems(self) -> Iterator[Problem]:
        if self.pulse_s > self.hard_limit_s:
            text = "{pulse} is longer than hard_limit_s, {limit}"
            yield "pulse_s", Phrase(text, pulse=self.pulse_s, limit=self.hard_limit_s)
        if self.held_open_s <= self.pulse_s:
            text = "{held} is not longer than pulse_s, {pulse}"
            yield "held_open_s", Phrase(text, held=self.held_open_s, pulse=self.pulse_s)
        first: dict[str | int, str] = {}
        for key, line in self.lines().items():
            if line.line in first:
                yield key, Phrase("line {line} is used by {other} already", line=line.line, other=first[line.line])
            first.setdefault(line.line, key)


class AccessSection(Struct, forbid_unknown_fields=True):
    """When a face may pass."""

    fpir: Annotated[float, Meta(gt=0, le=0.5)] = 0.01
    """Wanted false-positive identification rate (ISO/IEC 19795): strangers taken for somebody enrolled."""
    votes: Annotated[int, Meta(ge=1, le=30)] = 3
    """How many views of one track must agree on the person."""
    freshness_s: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    """How old a frame may be when it opens the door."""
    cooldown_s: Annotated[float, Meta(ge=0.0, le=600)] = 5.0
    """How long after a grant the same person is not granted again at the same door."""
    refuse_after: Annotated[int, Meta(ge=1, le=100)] = 6
    """How many good views of a face may match nobody before it is refused."""
    live_at_least: Fraction = 0.95
    """From which mean of the liveness networks over a track a face is live whose motion tells nothing."""
    live_moving_at_least: Fraction = 0.9
    """The same for a face that moves while what surrounds it stands still."""
    attack_below: Fraction = 0.3
    """Under which mean of the liveness networks over a track a face is an attack; between the two it is unsure."""
    attack_below_unmoving: Fraction = 0.5
    """The same for a face that moves together with what surrounds it, or not at all."""
    live_watch_s: Annotated[float, Meta(ge=0.0, le=10)] = 1.0
    """How long a face is watched before it is called an attack, or live without its motion known."""
    liveness_unavailable: Literal["second_factor", "accept"] = "second_factor"
    """What a pack without liveness networks may do. `accept` lets a photograph in."""
    storage_slow: Literal["accept", "refuse"] = "accept"
    """What becomes of a grant whose record is not on the disk after 250 ms."""

    def problems(self) -> Iterator[Problem]:
        least = min(self.live_at_least, self.live_moving_at_least)
        for key in ("attack_below", "attack_below_unmoving"):
            if getattr(self, key) > least:
                yield key, Phrase("{low} is above what is live, {high}", low=getattr(self, key), high=least)


class BrokerSection(Struct, forbid_unknown_fields=True):
    """The MQTT broker."""

    host: str = "127.0.0.1"
    """Its name or address."""
    port: Port = 1883
    """Usually 1883, or 8883 with TLS."""
    username: str = ""
    """Who logs in."""
    credential: str = ""
    """The credential with the password."""
    ca_file: str = ""
    """The certificate authority that the broker's certificate must come from; turns TLS on."""
    certificate_file: str = ""
    """This gate's certificate, where the broker asks for one."""
    key_credential: str = ""
    """The credential with the private key of `certificate_file`."""
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] = 15
    """How often the connection is proved alive; the last will follows after one and a half times that."""

    def problems(self) -> Iterator[Problem]:
        if self.username and not self.credential:
            yield "credential", Phrase("is needed with username")
        if bool(self.certificate_file) != bool(self.key_credential):
            yield "certificate_file", Phrase("and key_credential are only of use together")


class OutboxSection(Struct, forbid_unknown_fields=True):
    """The durable event log."""

    capacity: Annotated[int, Meta(ge=1000, le=10_000_000)] = 100_000
    """How many undelivered events are kept."""
    warn_at: Fraction = 0.8
    """The share of `capacity` from which an alarm is raised."""
    recorder_key: str = "recorder.pub"
    """The credential with the recorder's public key, whose acknowledgement alone prunes events."""


class RecorderSection(Struct, forbid_unknown_fields=True):
    """The receiving side, `edge-gate record`."""

    database: str = "events.sqlite"
    """Where received events are kept; relative to `state_dir`."""
    signing_key: str = "recorder.jwk"
    """The key that signs acknowledgements, made on first use; relative to `state_dir`."""


def _url(url: str) -> Iterator[Phrase]:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("rtsp", "rtsps") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        yield Phrase("must be rtsp://HOST[:PORT]/PATH")
    elif parts.username or parts.password:
        yield Phrase("must not carry a password; use username and credential")
