"""What a gate needs around its configuration: each part looked at for itself, and how to mend what is amiss.

Nothing is changed or energised, so it may run beside a running gate.
"""

import importlib
import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from edge import kept, models
from edge.clock import Calendar, Clock
from edge.config import ENCRYPTED, Config, Credentials
from edge.errors import EdgeError, Phrase
from edge.files import there
from edge.keyring import needed
from edge.lines import probe
from edge.logfile import Reader
from edge.mqtt import Connection, Lost
from edge.session import address
from edge.signet import GATE_OPENS
from edge.terms import Status
from edge.whitelist import Whitelist

WHEELS = (
    "av",
    "cryptography",
    "cv2",
    "gpiod",
    "joserfc",
    "msgspec",
    "numpy",
    "onnxruntime",
    "paho.mqtt",
    "sqlite_utils",
)
EVENT_BYTES = 2_000
"""What an event takes in the event log, generously."""
PORTS = {"rtsp": 554, "rtsps": 322}
UNITS = ("edge-gate.service", "edge-gate-eye@.service", "edge-gate-relay.service")
UNIT_DIRECTORIES = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(NamedTuple):
    """One line: what was looked at, how it is, and what to do about it."""

    outcome: Outcome
    text: Phrase
    remedy: Phrase = Phrase("")


class Gate(NamedTuple):
    config: Config
    credentials: Credentials


def examine(config: Config, credentials: Credentials) -> Iterator[tuple[str, Finding]]:
    """Every check in turn, by name; one that fails hides no other."""
    for name, check in CHECKS.items():
        try:
            for finding in check(Gate(config, credentials)):
                yield name, finding
        except EdgeError as error:
            yield name, _failed(error)


def _ok(template: str, **fields: object) -> Finding:
    return Finding(Outcome.OK, Phrase(template, **fields))


def _failed(error: EdgeError) -> Finding:
    return Finding(Outcome.FAILED, error.message, error.advice)


def _warning(template: str, hint: str, **fields: object) -> Finding:
    return Finding(Outcome.WARNING, Phrase(template, **fields), Phrase(hint, **fields))


def _software(gate: Gate) -> Iterator[Finding]:
    for name in WHEELS:
        try:
            importlib.import_module(name)
        except ImportError as error:
            hint = "install the locked requirements: pip install --require-hashes -r requirements/gate.txt"
            yield _failed(EdgeError("{name} cannot be imported: {why}", hint, name=name, why=error))
            return
    version = ".".join(map(str, sys.version_info[:3]))
    yield _ok("Python {version} with every library", version=version)


def _pack(gate: Gate) -> Iterator[Finding]:
    section = gate.config.models
    files = models.verify(section.pack, Path(section.directory))
    for file in files:
        if not file.ok:
            hint = "get it again with: edge-gate models fetch {pack} --directory {directory}"
            fields = {"file": file.file, "pack": section.pack, "directory": section.directory}
            yield _failed(EdgeError("model file {file} is missing or not what it should be", hint, **fields))
    if all(file.ok for file in files):
        yield _ok("pack {pack}: {count} files verified", pack=section.pack, count=len(files))


def _liveness(gate: Gate) -> Iterator[Finding]:
    accepted = gate.config.degraded.liveness_unavailable == "accept"
    if models.manifest(gate.config.models.pack).has_liveness:
        yield _ok("photographs and screens are told from people")
    elif accepted:
        hint = "use a pack with liveness, such as zoo, or set degraded.liveness_unavailable to second_factor"
        yield _warning("without liveness networks a photograph opens the door", hint)
    else:
        hint = "use a pack with liveness, such as zoo"
        yield _warning("without liveness networks nobody passes by face alone", hint)


def _secrets(gate: Gate) -> Iterator[Finding]:
    config = gate.config
    cameras = [stream.credential for camera in config.camera for stream in camera.streams if stream.credential]
    for name in dict.fromkeys([*needed(config), *cameras]):
        yield _secret(gate.credentials.path(name))
    if not there(gate.credentials.path(config.outbox.recorder_key)):
        hint = "copy it from the recorder, which makes it beside its signing key"
        text = "without {path} no event is ever confirmed and the event log fills up"
        yield _warning(text, hint, path=gate.credentials.path(config.outbox.recorder_key))


def _secret(path: Path) -> Finding:
    if not there(path) and there(path.with_name(path.name + ENCRYPTED)):
        return _ok("credential {name}, encrypted; systemd alone opens it", name=path.name)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        hint = "install it, or name its directory with --credentials"
        return _failed(EdgeError("credential {path} cannot be read: {why}", hint, path=path, why=error.strerror))
    if mode & stat.S_IROTH and path.suffix != ".pub":
        return _failed(EdgeError("everybody may read {path}", "chmod 600 {path}", path=path))
    return _ok("credential {name}", name=path.name)


def _directories(gate: Gate) -> Iterator[Finding]:
    for path in (gate.config.state, gate.config.runtime):
        if os.access(path, os.W_OK | os.X_OK):
            yield _ok("{path} can be written", path=path)
        else:
            hint = "make it, for the user that runs the gate: mkdir -p {path}"
            yield _failed(EdgeError("{path} is missing or cannot be written", hint, path=path))


def _disk(gate: Gate) -> Iterator[Finding]:
    place = next(path for path in (gate.config.state.absolute(), *gate.config.state.absolute().parents) if there(path))
    capacity = gate.config.outbox.capacity
    free, need = shutil.disk_usage(place).free // 1_000_000, capacity * EVENT_BYTES // 1_000_000
    if free < need:
        hint = "make room on {path}, or lower outbox.capacity"
        text = "{free} MB are free, {capacity} undelivered events need {need} MB"
        yield _failed(EdgeError(text, hint, free=free, need=need, capacity=capacity, path=place))
    else:
        yield _ok("{free} MB are free", free=free)


def _clock(gate: Gate) -> Iterator[Finding]:
    if Clock().now().trusted:
        yield _ok("the clock is synchronised")
    else:
        yield _warning("the clock is not synchronised", "timedatectl set-ntp true, and let it reach a time server")


def _doors(gate: Gate) -> Iterator[Finding]:
    for door in gate.config.door:
        lines = door.lines()
        try:
            probe(door.chip, [line.line for line in lines.values()])
            yield _ok("door {name}: {count} lines of {chip}", name=door.name, count=len(lines), chip=door.chip)
        except EdgeError as error:
            yield _failed(error)


def _cameras(gate: Gate) -> Iterator[Finding]:
    for camera, url in ((each, stream.url) for each in gate.config.camera for stream in each.streams):
        parts = urlsplit(url)
        where = parts.hostname or "", parts.port or PORTS[parts.scheme]
        try:
            socket.create_connection(where, camera.open_timeout_s).close()
            yield _ok("camera {name} answers at {host}", name=camera.name, host=where[0])
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
            hint = "is it on, on this network, and is the address in its url right?"
            fields = {
                "name": camera.name,
                "host": where[0],
                "port": where[1],
                "why": getattr(error, "strerror", None) or error,
            }
            yield _failed(EdgeError("camera {name} does not answer at {host}:{port}: {why}", hint, **fields))


def _broker(gate: Gate) -> Iterator[Finding]:
    where = address(gate.config.broker, gate.credentials)
    try:
        Connection(where).close()
        yield _ok("the broker answers at {host}:{port}", host=where.host, port=where.port)
    except Lost as error:
        hint = "is it running, and do host and port in [broker] say where?"
        if error.status is Status.UNAUTHORIZED:
            hint = "check username, credential and ca_file in [broker]"
        yield _failed(EdgeError("{why} ({host}:{port})", hint, host=where.host, port=where.port, why=error.message))


def _whitelist(gate: Gate) -> Iterator[Finding]:
    if gate.config.whitelist.source == "desk":
        yield _followed(gate)
        return
    whitelist = Whitelist.of(gate.config, gate.credentials)
    if not there(whitelist.path):
        yield _warning("nobody is enrolled yet", "enrol somebody: edge-gate enroll")
        return
    found = whitelist.gallery(models.manifest(gate.config.models.pack).id, Calendar.of(gate.config).peek())
    for problem in found.left_out:
        yield Finding(Outcome.WARNING, problem.message, problem.advice)
    people, revision = len(found.gallery.people), found.gallery.revision
    yield _ok("whitelist revision {revision}, {people} people", people=people, revision=revision)


def _followed(gate: Gate) -> Finding:
    """The list of a gate that follows a desk, as it would use it now."""
    if not there(gate.credentials.path(GATE_OPENS)):
        return _ok("the whitelist is the desk's; there, edge-gate sync status says how far this gate is")
    pack, today = models.manifest(gate.config.models.pack), Calendar.of(gate.config).peek()
    found = kept.gallery(gate.config, gate.credentials, pack, today)
    return _ok("whitelist revision {revision}, {people} people", people=len(found.people), revision=found.revision)


def _events(gate: Gate) -> Iterator[Finding]:
    path = gate.config.state / "outbox.sqlite"
    if there(path):
        reader = Reader(path)
        acknowledged, last = reader.head()
        reader.close()
        yield _ok("event log with {count} undelivered events", count=last - acknowledged)
    else:
        yield _ok("the event log is made at the first start")


def _units(gate: Gate) -> Iterator[Finding]:
    missing = [name for name in UNITS if not any((place / name).exists() for place in UNIT_DIRECTORIES)]
    if missing:
        yield _warning("the gate is not installed as a service: {units}", "scripts/install", units=", ".join(missing))
    else:
        yield _ok("the service units are installed")


CHECKS: dict[str, Callable[[Gate], Iterator[Finding]]] = {
    "software": _software,
    "models": _pack,
    "liveness": _liveness,
    "credentials": _secrets,
    "directories": _directories,
    "disk": _disk,
    "clock": _clock,
    "doors": _doors,
    "cameras": _cameras,
    "broker": _broker,
    "whitelist": _whitelist,
    "events": _events,
    "service": _units,
}
