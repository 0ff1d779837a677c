"""The tables of the configuration: every key with its unit, its limits and what it means.

docs/configuration.md is made from these docstrings.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from edge.errors import Phrase
from edge.strict import Problem

NAME = r"^[a-z0-9][a-z0-9-]{0,30}\Z"
"""A level of topics, an account at the broker, the name in a certificate, and that of a unit."""
Name = Annotated[str, Meta(pattern=NAME, description="a name of at most 31 lower-case letters, digits and -")]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Pixels = Annotated[int, Meta(ge=0, le=16384)]
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*\Z", description="one line of text in quotes")]
Host = Annotated[str, Meta(pattern=r"^[^\x00-\x20\x7f/@]+\Z", description="the name or address of a host")]
Secret = Annotated[
    str, Meta(pattern=r"^(\w[\w.-]{0,99})?\Z", description="the name of a credential: letters, digits, . _ and -")
]
Port = Annotated[int, Meta(ge=1, le=65535)]

LONGEST_SOCKET_PATH = 107
"""Bytes, unix(7)."""


class GateSection(Struct, forbid_unknown_fields=True):
    """Who this gate is and where it keeps its files."""

    site: Name
    """The building; first level of the MQTT topics after `edge/v1`."""
    name: Name
    """The gate, unique within its site."""
    state_dir: Line = "/var/lib/edge-gate"
    """What must survive a restart: whitelist, event log, fact log."""
    runtime_dir: Line = "/run/edge-gate"
    """Where the processes of the gate find each other's sockets."""
    fact_log: bool = False
    """Log every fact and its effects to `facts.jsonl` in `state_dir`, for `edge-gate replay`; that of the run before is
    kept as `facts.jsonl.1`. A log that cannot be written ends and is reported; the gate goes on."""
    fact_log_mib: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Where the fact log of one run ends: a replay needs its beginning, so that is what is kept."""
    display: bool = False
    """Publish what a display at each door may show (look here, turn to the camera, please pass), in both languages,
    on the topic `edge/v1/SITE/GATE/display`; never anything about who it is."""

    def problems(self) -> Iterator[Problem]:
        if len(f"{self.runtime_dir}/relay.sock".encode()) > LONGEST_SOCKET_PATH:
            yield "runtime_dir", Phrase("is too long for the path of a socket")


class ModelsSection(Struct, forbid_unknown_fields=True):
    """Which model pack the eyes run."""

    pack: Name = "zoo"
    """A pack of `edge-gate models list`. Whoever was enrolled with other embedders must enrol again."""
    directory: Line = "/var/lib/edge-gate/models"
    """Where `edge-gate models fetch` has put it."""


class InfraredSection(Struct, forbid_unknown_fields=True):
    """The near-infrared stream of a camera with two lenses: a table `[camera.infrared]` below its `[[camera]]`.

    A face that does not show in it is never live, and one that is dark in it is an attack, as on a screen.
    """

    url: Line
    """As the camera's; the picture must show the same part of the hall."""
    username: Line = ""
    """Who logs in."""
    credential: Secret = ""
    """The credential with the password."""

    def problems(self) -> Iterator[Problem]:
        if self.username and not self.credential:
            yield "credential", Phrase("is needed with username")
        for why in _url(self.url):
            yield "url", why


class CameraSection(Struct, forbid_unknown_fields=True):
    """One RTSP stream and the door that it looks at; a table for each camera."""

    name: Name
    """Unique within the gate."""
    url: Line
    """`rtsp://HOST[:PORT]/PATH` or `rtsps://`, without user and password."""
    door: Annotated[
        str, Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,30})?\Z", description="the name of a door, or nothing")
    ] = ""
    """The name of the door that this camera opens; without one it is only watched over, and recognises nobody."""
    into: str = ""
    """The area that those before this camera go into: one of `[[area]]`, or `outside`."""
    username: Line = ""
    """Who logs in to the camera."""
    credential: Secret = ""
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
    infrared: InfraredSection | None = None
    """The second stream of a camera that has a near-infrared lens."""
    picture_size: tuple[Pixels, Pixels] = (0, 0)
    """Width and height in pixels that the stream should have: another size is a fault. 0 when any will do."""
    clock_limit_s: Annotated[float, Meta(ge=0, le=86_400)] = 5.0
    """How far the clock that its stream tells (RTCP sender reports) may be from this gate's; 0 when it may be anywhere.
    A camera that tells none is never at fault for it."""
    fault_pictures: bool = True
    """Send small pictures without faces with a fault of this camera: how it was before, is and is when it is over."""
    confirmed_view: str = ""
    """A file that `edge-gate camera aim --confirm` has made: another view is a fault. Without it any will do. Its whole
    name, so that `scripts/install` can let the camera's eye see it.
    """

    @property
    def streams(self) -> "list[CameraSection | InfraredSection]":
        """Its own, and that of a near-infrared lens."""
        return [self, *filter(None, [self.infrared])]

    def problems(self) -> Iterator[Problem]:
        left, top, right, bottom = self.zone
        if left >= right or top >= bottom:
            yield "zone", Phrase("must be [left, top, right, bottom], left before right and top before bottom")
        if self.username and not self.credential:
            yield "credential", Phrase("is needed with username")
        for why in _url(self.url):
            yield "url", why


class WhitelistSection(Struct, forbid_unknown_fields=True):
    """Where the gate's whitelist comes from."""

    source: Literal["local", "desk"] = "local"
    """`local`: the file that `edge-gate enroll` writes on this gate; `desk`: one for the site, through the broker."""
    refresh_every_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    """How often at most a person gets one more template from a view that opened the door without any doubt; 0 never.
    Each is an event. Consent must cover it. Not with `desk`, whose records only the desk may change."""
    refresh_most: Annotated[int, Meta(ge=1, le=4)] = 2
    """How many templates a person may have beside those of the enrolment; the oldest of them is replaced."""

    def problems(self) -> Iterator[Problem]:
        if self.refresh_every_days and self.source == "desk":
            yield "refresh_every_days", Phrase('is for source "local": records that a desk has signed stay as they are')
        if 0 < self.refresh_every_days < 7:
            yield "refresh_every_days", Phrase("must be 0 (never), or 7 at least")


class BrokerSection(Struct, forbid_unknown_fields=True):
    """The MQTT broker."""

    host: Host = "127.0.0.1"
    """Its name or address."""
    port: Port = 1883
    """Usually 1883, or 8883 with TLS."""
    username: Line = ""
    """Who logs in."""
    credential: Secret = ""
    """The credential with the password."""
    ca_file: Line = ""
    """The certificate authority that the broker's certificate must come from; turns TLS on."""
    certificate_file: Line = ""
    """This gate's certificate, where the broker asks for one."""
    key_credential: Secret = ""
    """The credential with the private key of `certificate_file`."""
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] = 15
    """How often the connection is proved alive; the last will follows after one and a half times that."""

    def problems(self) -> Iterator[Problem]:
        if self.username and not self.credential:
            yield "credential", Phrase("is needed with username")
        if bool(self.certificate_file) != bool(self.key_credential):
            yield "certificate_file", Phrase("and key_credential are only of use together")
        if self.credential and not self.ca_file and not _is_here(self.host):
            text = "is needed before a password is sent to {host}: name the authority of the broker's certificate"
            yield "ca_file", Phrase(text, host=self.host)


class OutboxSection(Struct, forbid_unknown_fields=True):
    """The durable event log."""

    capacity: Annotated[int, Meta(ge=1000, le=10_000_000)] = 100_000
    """How many undelivered events are kept."""
    warn_at: Fraction = 0.8
    """The share of `capacity` from which an alarm is raised."""
    recorder_key: Secret = "recorder.pub"
    """The credential with the recorder's public key, whose acknowledgement alone prunes events."""


class DeskSection(Struct, forbid_unknown_fields=True):
    """The one authority for a site's whitelist, `edge-gate desk run`; its file has neither cameras nor doors."""

    site: Name
    """The building; gates name the same."""
    state_dir: str = "/var/lib/edge-gate-desk"
    """What must be backed up: who is enrolled, what was issued, which gates there are."""
    renew_every_s: Annotated[float, Meta(ge=1, le=86_400)] = 3600.0
    """How often the list is signed anew although nothing changed."""
    valid_s: Annotated[float, Meta(ge=2, le=2_592_000)] = 86_400.0
    """How long a gate uses a list that is not renewed."""
    fpir: Annotated[float, Meta(gt=0, le=0.5)] = 0.01
    """Wanted false-positive identification rate when it is checked whether a face is enrolled already."""

    def problems(self) -> Iterator[Problem]:
        if self.valid_s <= self.renew_every_s:
            text = "{valid} is not longer than renew_every_s, {every}"
            yield "valid_s", Phrase(text, valid=self.valid_s, every=self.renew_every_s)


class WorkstationSection(Struct, forbid_unknown_fields=True):
    """A place where people are enrolled and changed that has no database: it asks the desk, over the broker."""

    site: Name
    """The building, as the desk names it."""
    name: Name
    """As `edge-gate workstations add` was told."""
    patience_s: Annotated[float, Meta(ge=1, le=120)] = 10.0
    """How long the desk may take to answer."""
    fpir: Annotated[float, Meta(gt=0, le=0.5)] = 0.01
    """Wanted false-positive identification rate, by which photos of one person are told from photos of several."""


class RecorderSection(Struct, forbid_unknown_fields=True):
    """The receiving side, `edge-gate record`."""

    database: Line = "events.sqlite"
    """Where received events are kept; relative to `state_dir`."""
    signing_key: Line = "recorder.jwk"
    """The key that signs acknowledgements, made on first use; relative to `state_dir`."""


def _is_here(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
