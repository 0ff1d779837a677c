"""A drill: a recorded approach goes the gate's real way, from RTSP to the decision, beside the gate in service.

A second eye, core and relay guard run with the gate's own configuration, models and whitelist, but on a simulated
chip, without a broker, and with files of their own; the real door stays in service and is not touched. Only this
instance takes a face without liveness, since a recording is what liveness is there to refuse. Afterwards a leaf that
opens without a grant, one that stays open, a tampered housing and a fire are played on the simulated inputs.
"""

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from edge import files
from edge.config import CameraSection, Config, DoorSection, load
from edge.doorevents import AccessGranted, DoorForcedOpen, DoorModeChanged, DoorOpenTooLong, DoorTamper, FireReleased
from edge.errors import EdgeError, StoreError
from edge.events import DrillReport, GateStarted
from edge.kept import MARK, STORE
from edge.logfile import Reader
from edge.schedule import ALWAYS
from edge.signers import LookSection
from edge.simulate import RtspServer, seconds_of
from edge.supervise import Supervisor, gate_children
from edge.terms import DoorMode
from edge.transport import Envelope, Event, type_name

RELAY, CONTACT, EXIT_BUTTON, TAMPER, FIRE = 1, 2, 3, 4, 5
"""Lines of the simulated chip."""
START_S = 20.0
"""How long the processes may take to start; then the clip is shown twice before nobody was recognised."""
ALARM_S = 10.0
"""How long an alarm may take, beside the pulse that must be over before it or the time that a leaf may stay open."""
SETTLE_S = 1.0
"""Longer than a leaf may move after a pulse and still have been opened by it."""
LEAVE_S = 1.0
"""How much longer than a pulse the leaf may stay open here."""
ALARMS: dict[str, type[Event]] = {
    "forced": DoorForcedOpen,
    "held": DoorOpenTooLong,
    "tamper": DoorTamper,
    "fire": FireReleased,
}


class Clip(Struct, frozen=True):
    """A film of somebody who approaches, made with their consent, and who that is; nobody in particular without."""

    film: Path
    person: str = ""


def drill(config: Config, credentials: Path, clip: Clip, camera: str = "") -> DrillReport:
    """Run one drill of a gate; EdgeError when it cannot be begun."""
    section = _camera(config, camera)
    hint = "record an approach, with consent, and name it with --clip or drill.clip"
    if clip.film == Path():
        raise EdgeError("no recorded approach is named", hint)
    if not clip.film.is_file():
        raise EdgeError("{path} is not a film", hint, path=clip.film)
    length = seconds_of(clip.film)
    with contextlib.ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="drill-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        server = stack.enter_context(RtspServer([clip.film]))
        copy = _rehearsal(config, section, server.url(clip.film), root)
        stage = stack.enter_context(Stage(root, copy, credentials))
        granted, took = stage.approach(clip.person, START_S + 2 * length)
        server.kill()  # nobody comes any more: whoever opens the door now forces it
        late = stage.late()
        return _report(section, clip.person, granted, took, {} if late else stage.alarms(), late)


def _report(
    camera: CameraSection, person: str, granted: bool, took: float | None, alarms: dict[str, bool], late: str
) -> DrillReport:
    why = late or ("" if granted else "the person was not recognised" if person else "nobody was recognised")
    if granted and took is None:
        why = why or "the relay did not open"
    if silent := [name for name, worked in alarms.items() if not worked]:
        why = why or f"these alarms did not work: {', '.join(silent)}"
    return DrillReport(camera.name, camera.door, not why, granted, took, alarms, person, why)


def _camera(config: Config, name: str) -> CameraSection:
    for section in config.camera:
        if section.name == name or not name:
            return section
    raise EdgeError("--camera must be one of: {names}", names=", ".join(camera.name for camera in config.camera))


def _rehearsal(config: Config, camera: CameraSection, url: str, root: Path) -> Config:
    """The gate's configuration with the clip as its camera, a simulated chip as its door, and nobody to talk to.

    It may be night when it is held, so levels count at any time; and it learns no template from a recording.
    """
    door = next(door for door in config.door if door.name == camera.door)
    replace = msgspec.structs.replace
    plain = msgspec.convert(
        {
            "name": door.name, "chip": f"simulated:{root}/chip", "relay": {"line": RELAY}, "contact": {"line": CONTACT},
            "exit_button": {"line": EXIT_BUTTON}, "tamper": {"line": TAMPER}, "fire": {"line": FIRE},
            "pulse_s": door.pulse_s, "hard_limit_s": door.hard_limit_s, "held_open_s": door.pulse_s + LEAVE_S,
        },
        DoorSection,
    )  # fmt: skip
    made = replace(
        config,
        gate=replace(config.gate, state_dir=f"{root}/state", runtime_dir=f"{root}/run", fact_log=False),
        camera=[replace(camera, url=url, username="", credential="", infrared=None)],
        door=[plain],
        drill=replace(config.drill, rehearsal=True),
        degraded=replace(config.degraded, liveness_unavailable="accept", clock_untrusted="accept"),
        broker=replace(config.broker, host="127.0.0.1", port=1, username="", credential="", ca_file="",
                       certificate_file="", key_credential=""),
        operator=[],
        reader=[],
        look=LookSection(),
        whitelist=replace(config.whitelist, refresh_every_days=0),
        level=[replace(each, doors=[door.name][: door.name in each.doors], schedule=ALWAYS) for each in config.level],
    )  # fmt: skip
    (root / "state").mkdir()
    for kept in config.state.glob("whitelist*"):
        (root / "state" / kept.name).symlink_to(kept.absolute())
    if config.whitelist.source == "desk":
        _copied(config.state, root / "state")
    return made


def _copied(state: Path, to: Path) -> None:
    """What the gate last heard of its desk's list: its follower writes, and two of them must not write to one file.

    The mark comes first: a list that is adopted meanwhile is then newer than its mark, not older.
    """
    if (mark := to / MARK).exists():
        content = mark.read_bytes()
        mark.unlink()  # the link
        mark.write_bytes(content)
    try:
        files.copy(state / STORE, to / STORE)
    except sqlite3.Error as error:
        hint = "let the gate hear its desk first: edge-gate sync status"
        raise StoreError("the store {path} cannot be used: {why}", hint, path=state / STORE, why=error) from error


class Stage:
    """The processes of the second instance, its simulated chip and its events."""

    def __init__(self, root: Path, config: Config, credentials: Path) -> None:
        self._chip, self._log = root / "chip", root / "state" / "outbox.sqlite"
        (door,) = config.door
        self._patience_s = door.held_open_s + ALARM_S
        file = root / "gate.toml"
        file.write_text(toml(msgspec.to_builtins(config)))
        self._said = (root / "log").open("ab")
        children = gate_children(file, load(file), credentials)
        for child in children:
            child.output = self._said
        self._supervisor = Supervisor(children)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.close()
        self._said.close()

    def approach(self, person: str, seconds: float) -> tuple[bool, float | None]:
        """Whether the person was granted in time, and how many ms after the first good frame the relay opened."""
        opened = self._until(lambda: self._opened(person), seconds)
        took = opened[0].data["decision_ms"] if opened else None
        return bool(self._granted(person)), float(took) if isinstance(took, int | float) else None

    def _granted(self, person: str) -> list[Envelope]:
        found = self._events(AccessGranted)
        return [each for each in found if not person or _personal(each, "person") == person]

    def _opened(self, person: str) -> list[Envelope]:
        """The relay's answer to the grant."""
        if not self._granted(person):
            return []
        return [each for each in self._events(DoorModeChanged) if each.data["mode"] == DoorMode.ACCESSED]

    def late(self) -> str:
        """Why no alarm can be tried: what the gate has not come to in time; empty when it stands ready."""
        if self._until(self._idle, self._patience_s):
            return ""
        if not self._started():
            return "the gate did not start"
        return "the pulse did not end" if self._chip.is_file() else "the relay guard has not opened its chip"

    def alarms(self) -> dict[str, bool]:
        """Each of the four, from its cause to its end, at a gate that stands ready."""
        self._until(lambda: False, SETTLE_S)
        worked = dict.fromkeys(ALARMS, False)
        self._line(CONTACT, True)
        for name in ("forced", "held"):
            worked[name] = self._told(name, True)
        self._line(CONTACT, False)
        for name in ("forced", "held"):
            worked[name] = worked[name] and self._told(name, False)
        for name, line in (("tamper", TAMPER), ("fire", FIRE)):
            self._line(line, True)
            begun = self._told(name, True)
            self._line(line, False)
            worked[name] = begun and self._told(name, False)
        return worked

    def _idle(self) -> bool:
        """Whether the gate has started and the pulse is over, so that a leaf that opens is forced."""
        modes = self._events(DoorModeChanged)
        return self._started() and self._chip.is_file() and (not modes or modes[-1].data["mode"] == DoorMode.LOCKED)

    def _started(self) -> bool:
        return bool(self._events(GateStarted))

    def _told(self, name: str, active: bool) -> bool:
        kind = ALARMS[name]
        return bool(
            self._until(lambda: [e for e in self._events(kind) if e.data["active"] is active], self._patience_s)
        )

    def _until(self, found: Callable[[], Any], seconds: float) -> Any:
        """What is found in time, with the processes kept running meanwhile; else what is found then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (result := found()):
            self._supervisor.turn(0.1)
        return found() if time.monotonic() >= deadline else result

    def _events(self, kind: type[Event]) -> list[Envelope]:
        """Of this kind, as the second instance has recorded them; none while there is no log yet."""
        try:
            with contextlib.closing(Reader(self._log)) as reader:
                rows = [msgspec.json.decode(row.payload, type=Envelope) for row in reader.read(0, 10_000)]
        except StoreError:
            return []
        return [each for each in rows if each.type == type_name(kind)]

    def _line(self, line: int, active: bool) -> None:
        with self._chip.open("r+b") as chip:
            chip.seek(line)
            chip.write(bytes([active]))


def _personal(event: Envelope, field: str) -> object:
    personal = event.data.get("personal", {})
    return personal[field][1] if isinstance(personal, dict) and field in personal else event.data.get(field)


def toml(document: Mapping[str, Any]) -> str:
    """A configuration as a file: tables and lists of tables at the top, whatever is within them in one line."""
    parts = []
    for name, value in document.items():
        for table in value if isinstance(value, list) else [value]:
            head = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            lines = [f"{key} = {_value(each)}" for key, each in table.items() if each is not None]
            parts.append("\n".join([head, *lines]))
    return "\n\n".join(parts) + "\n"


def _value(value: Any) -> str:
    """JSON is TOML but for the tables in it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return msgspec.json.encode(value).decode()
