"""The gate process: one thread owns `gate.py`, takes facts off one queue and carries out the effects.

Everything else runs in threads that only put facts on that queue. systemd's watchdog is petted when a heartbeat
fact has come through the queue and through `step`, so a gate that no longer decides is restarted.
"""

import logging
import queue
import secrets
import signal
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs

from edge import notify, sitetable
from edge.album import Albums
from edge.broker import Broker
from edge.bulletin import uses_topic
from edge.clock import Clock
from edge.config import Config, Credentials
from edge.directory import Directory
from edge.display import Displays
from edge.doorevents import AccessGranted
from edge.doorlines import DoorLines
from edge.drillbook import DrillSource
from edge.effects import Effect, Emit, KeepOrders, KeepPlaces, PublishState, Pulse, Relock, Settle, Show, UseSettled
from edge.enrolled import Refreshing
from edge.events import TABLE
from edge.eyes import Advised, Eyes, Pictured, Seen
from edge.factlog import FactLog
from edge.facts import CardRead, FaceSeen, Fact, Heartbeat, PassShown, PlacesKnown, Recorded, Started, Wake
from edge.follow import whitelist_source
from edge.gate import Gate
from edge.lone import Loaded
from edge.matcher import NOBODY, Gallery
from edge.models import manifest
from edge.outbox import Outbox
from edge.pins import Blind
from edge.places import INSIDE, ORDERS, Keeper, known_or_nobody, ordered
from edge.porter import Known, Porter
from edge.presence import Cues
from edge.readers import Shown
from edge.reception import Reception
from edge.refresh import Refresher
from edge.rules import gate_rules
from edge.session import Heard
from edge.sources import Heart, Put, RelayLink, Source
from edge.terms import Now, Pass
from edge.transport import Channel
from edge.users import peers
from edge.whitelist import Whitelist
from edge.wire import Code

log = logging.getLogger(__name__)

HEALTH_EVERY = 10
"""Heartbeats between two health messages."""
DISPLAY_EVERY = 3
"""Heartbeats until a display is told again what it shows."""


class Stop:
    """Put on the queue when the process is asked to end."""


class Service:
    """Builds the parts of a gate from its configuration and runs them until told to stop."""

    def __init__(self, config: Config, credentials: Credentials) -> None:
        self.config, self.credentials = config, credentials
        self._queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        put = self._queue.put
        self._clock = Clock()
        self._pack = manifest(config.models.pack)
        rules = gate_rules(config)
        self.gate = Gate(rules)
        self._gallery: Gallery | None = None
        self._blind = Blind()
        self._directory = Directory(self._blind)
        self._sure = NOBODY
        gate, kept = config.gate, config.outbox
        self._outbox = Outbox(config.state / "outbox.sqlite", gate.site, gate.name, kept.capacity, kept.warn_at, put)
        self._broker = Broker(config, credentials, self._outbox, put)
        self._albums = Albums(camera.name for camera in config.camera if camera.fault_pictures)
        self._displays = Displays(rules.cameras if gate.display else {}, self._broker.display)
        self._eyes = Eyes(config.socket("eye"), peers("eye"), frozenset(rules.cameras), self._pack.id, put)
        self._relay = RelayLink(config.socket("relay"), tuple(rules.doors), put)
        self._lines = {door.name: DoorLines(door, put) for door in config.door}
        publish = partial(self._broker.keep, uses_topic(gate.site, gate.name))
        known = Known(self._arrived, self._directory.of)
        self._porter = Porter(config, credentials, put, self._record, known, self._clock.now, publish)
        self._reception = Reception(gate.site, self._blind, put)
        self._places, self._orders = (Keeper(config.state / name, put) for name in (INSIDE, ORDERS))
        self._sources: list[Source] = [self._eyes, Heart(Heartbeat(), put), *self._lines.values()]
        self._sources += [self._places, self._orders]
        if config.door:  # a host of cameras that open none needs neither
            people = whitelist_source(config, credentials, self._pack, put)
            self._sources += [self._relay, people, self._porter, self._reception, DrillSource(config.state, put)]
            self._broker.heard = Heard(self._porter.bulletin.filters, self._porter.hear)
        self._refresher = _refresher(config, credentials, self._pack.id, self._clock, put)
        self._sources += [self._refresher] if self._refresher else []
        self._log = FactLog.of(config, rules)
        self._wake: float | None = None
        self._beats = 0

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. A source that fails ends the process; the relay guard does the rest."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._queue.put(Stop()))
        self._start()
        try:
            while not isinstance(item := self._next(), Stop):
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, Code):
                    self._porter.read(item)
                elif isinstance(item, Shown) and item.pin:
                    self._reception.read(item)
                elif isinstance(item, Advised):
                    self._displays.advise(item.camera, item.shortcoming)
                elif isinstance(item, Pictured):
                    self._keep(item)
                else:
                    self.handle(item)
        finally:
            self._close()

    def _start(self) -> None:
        pack, state, boot = self._pack, self.config.state, secrets.token_hex(8)
        self._told, orders = sitetable.told(state), ordered(state / ORDERS, self._clock.now().mono)
        self._take(Started(boot, pack.name, pack.has_liveness, pack.files, pack.digest, self._told, *orders))
        self._take(PlacesKnown(known_or_nobody(state / INSIDE)))
        self._broker.start()
        for source in self._sources:
            source.start()
        notify.ready()

    def _close(self) -> None:
        notify.stopping()
        for source in self._sources:
            source.stop()
        self._broker.close()
        self._outbox.close()
        if self._log:
            self._log.close()

    def _next(self) -> object:
        """The next thing on the queue, or a `Wake` when the gate asked for one and its time has come."""
        if self._wake is None:
            return self._queue.get()
        try:
            return self._queue.get(timeout=max(0.0, self._wake - self._clock.now().mono))
        except queue.Empty:
            return Wake()

    def handle(self, item: object) -> None:
        """Take in one thing from the queue and carry out what follows from it."""
        fact = self._fact(item)
        effects = self._take(fact)
        if self._refresher and isinstance(item, Seen) and isinstance(fact, FaceSeen):
            self._refresher.consider(item.observation.embedding, fact, effects, self._sure)

    def _fact(self, item: object) -> Fact:
        """What was put on the queue, as a fact. People are looked up by the thread that takes a new list into use."""
        match item:
            case Seen():
                return self._matched(item)
            case Shown():
                return CardRead(item.door, item.reader, self._directory.holder(item.card), item.heard)
            case PassShown(shown=Pass(person=person)):
                return structs.replace(item, permit=self._directory.of(person))
            case Loaded():
                self._gallery, self._sure = item.gallery, item.sure
                return structs.replace(item.fact, edition=self._directory.renew(item.permits))
            case Recorded():
                self._porter.recorded(item)
        assert isinstance(item, Fact)
        return item

    def _matched(self, seen: Seen) -> FaceSeen:
        """A view that is too old to open a door costs no search: an eye that floods must not keep an exit waiting."""
        view = seen.observation
        fresh = self.gate.access.fresh(view.captured, self._clock.now().mono)
        cues = Cues() if self.config.drill.rehearsal else view.cues  # a recording is what liveness refuses
        probe = np.frombuffer(view.embedding, dtype="<f4")
        threshold = self.gate.health.whitelist.threshold
        found = self._gallery.search(probe, threshold) if self._gallery and fresh else None
        permit = self._directory.of(found.person) if found else None
        what = view.quality, cues, found, permit, view.company
        return FaceSeen(seen.camera, view.track, view.captured, view.good_since, *what)

    def _take(self, fact: Fact) -> list[Effect]:
        now = self._clock.now()
        step = self.gate.step(fact, now)
        self._wake = step.wake
        for effect in step.effects:
            self._do(effect, now)
        if self._log:
            self._log.write(now, fact, step)
        if isinstance(fact, Heartbeat):
            self._beat()
        return step.effects

    def _do(self, effect: Effect, now: Now) -> None:
        match effect:
            case Pulse():
                self._relay.pulse(effect)
            case Relock():
                self._relay.relock(effect)
            case Emit(event=AccessGranted(credential=credential)) if credential:
                self._porter.spend(effect, now)
            case UseSettled():
                self._porter.settle(effect)
            case Emit():
                self._record(effect, now)
            case Show():
                self._lines[effect.door].show(effect.lamp)
                self._displays.lamp(effect.door, effect.lamp)
            case Settle():
                self._eyes.settle(effect.camera, effect.track)
            case KeepPlaces():
                self._places.keep(self.gate.areas.places)
            case KeepOrders():
                self._orders.keep(structs.asdict(effect))
            case PublishState():
                self._broker.publish_state(msgspec.to_builtins(self.gate.state()))

    def _keep(self, seen: Pictured) -> None:
        """A picture is no fact: no rule depends on it, and it comes into no log of facts."""
        now = self._clock.now()
        for told in self._albums.take(seen.camera, seen.jpeg, self.gate.health.sees(seen.camera), now.mono):
            self._record(told, now)

    def _record(self, told: Emit, now: Now) -> None:
        for each in (told, *self._albums.told(told, now.mono)):
            self._outbox.append(each.subject, each.event, now, each.ticket)
        _log_alarm(told)

    def _arrived(self, person: str) -> bool:
        """Whether the whitelist in use has this person; also asked by the porter's thread."""
        gallery = self._gallery
        return gallery is not None and person in gallery

    def _beat(self) -> None:
        notify.watchdog()
        self._outbox.look(self._clock.now())
        if (table := self.gate.health.whitelist.calibration) != self._told:
            self._told = table
            sitetable.tell(self.config.state, table)
        self._beats += 1
        if self._beats % DISPLAY_EVERY == 0:
            self._displays.again()
        if self._beats % HEALTH_EVERY == 0:
            self._broker.health(msgspec.to_builtins(self.gate.eyes()))


def _refresher(config: Config, credentials: Credentials, pack: str, clock: Clock, put: Put) -> Refresher | None:
    wanted = config.whitelist
    if not wanted.refresh_every_days or not config.door:
        return None
    people = Whitelist.of(config, credentials, write=True)
    often = Refreshing(wanted.refresh_every_days * 86_400.0, wanted.refresh_most)
    return Refresher(people, pack, often, clock.now, put)


def _log_alarm(told: Emit) -> None:
    """For whoever reads the journal while the room is out of reach. Alarms name no person; other events may."""
    if TABLE[type(told.event)].channel is Channel.ALARM:
        level = logging.WARNING if getattr(told.event, "active", True) else logging.INFO
        log.log(level, "%s: %s", told.subject, msgspec.json.encode(told.event).decode())


def run(config: Config, credentials: Credentials) -> None:
    """Run the gate process of `config`; returns when it is asked to stop."""
    Path(config.gate.state_dir).mkdir(parents=True, exist_ok=True)
    Service(config, credentials).run()
