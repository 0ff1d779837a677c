"""The room: what the recorder hears becomes alarms, the state of gates and news for whoever watches."""

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from edge.errors import StoreError
from edge.i18n import speaking
from edge.mqtt import Message
from edge.seal import load_key
from edge.transport import Presence
from monitor.acceptance import Acceptances
from monitor.accounts import Accounts
from monitor.casebook import Casebook
from monitor.chain import Chain
from monitor.commanding import Commander
from monitor.database import Database
from monitor.deliveries import Deliveries
from monitor.discovery import device
from monitor.dispatcher import Dispatcher, linkage_of, post_of
from monitor.gates import Gates
from monitor.history import History
from monitor.hub import Hub
from monitor.ledger import Ledger, Recorded
from monitor.looking import Looks
from monitor.passkeys import Passkeys
from monitor.photos import Photos
from monitor.recorder import Audience, Recorder, Say
from monitor.reports import of_health, of_progress, of_state, of_waiting
from monitor.settings import Configured
from monitor.stream import Problem
from monitor.tables import STREAMS
from monitor.terms import UNCHAINED, UNREADABLE, Check, Key, Raised
from monitor.thumbnails import Thumbnails
from monitor.unreadable import Unreadable
from monitor.upkeep import Upkeep

TICK_S = 1.0
ERASE_S = 60.0
LOOK_S = 10.0
"""How often it is looked at what is overdue."""
SHOWN_S = 5.0
"""Pages are told at most so often that gates have measured something: every gate does, again and again."""


class Room(Audience):
    """Opened from its configuration; `start` records in a thread of its own until `stop`."""

    def __init__(self, configured: Configured, say: Say, database: Path | str | None = None) -> None:
        self.configured, self.settings = configured, configured.settings
        self.database = Database(database or configured.database)
        self.hub, self.accounts, self.history = Hub(), Accounts(self.database), History(self.database)
        self.accounts.ended = self.hub.doubt
        self._sessions: set[str] = set()
        self.passkeys = Passkeys(self.database, self.accounts, self.settings.web.url)
        self.gates = Gates(self._known())
        self.deliveries = Deliveries(self.database)
        self.casebook = Casebook(self.database, self.settings.alarms, self._alarms_changed)
        self.dispatcher = self._dispatcher()
        commands = self.settings.commands
        self.looks = Looks(configured)
        self.commander = Commander(commands, configured.broker, configured.path(commands.key))
        known = [each.key for each in self.casebook.open() if each.active and each.key.kind == UNREADABLE]
        self._unreadable = Unreadable(known, time.monotonic())
        zone, plans = ZoneInfo(self.settings.site.time_zone), self.settings
        self.upkeep = Upkeep(self.database, self.history, plans.inspection, plans.drill, plans.patrol, zone)
        self.photos, self.thumbnails = Photos(self.database), Thumbnails(self.database)
        self._unlinked, self._unkept = "connecting", ""
        key = configured.path(self.settings.store.signing_key)
        self._recorder = Recorder(configured.broker, self.database, key, say, self)
        self._chain, self._is_whole = Chain(self.database, load_key(key)), True
        self._accepted = Acceptances(self.database, load_key(key))
        self._thread = threading.Thread(target=self._record, name="recorder", daemon=True)
        self._ticked = self._erased = self._looked = self._shown = 0.0
        self._is_measured = False
        self.turned_at = -math.inf
        """When the recorder's thread was last seen at work, in monotonic seconds."""
        self._publish: Callable[[Message], None] = lambda message: None
        self._discovered: dict[str, Message] = {}
        self.failed: Callable[[], None] = lambda: None
        """Called when recording or telling has ended by a mistake of ours."""
        self.dispatcher.failed = lambda: self.failed()

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            linkage_of(self.configured), self.deliveries, post_of(self.configured),
            ZoneInfo(self.settings.site.time_zone), self.casebook.known, self.casebook.hear,
            lambda: self.hub.tell([], "notices"),
        )  # fmt: skip

    def start(self) -> None:
        self._thread.start()
        self.dispatcher.start()

    def stop(self) -> None:
        self.dispatcher.stop()
        self._recorder.stop()
        self._thread.join(10.0)

    def _alarms_changed(self) -> None:
        self.hub.tell([], "alarms")
        self.dispatcher.wake()

    def _record(self) -> None:
        try:
            self._recorder.run()
        except BaseException:
            self.failed()
            raise

    def _known(self) -> list[tuple[str, str]]:
        with self.database.reading() as connection:
            rows = connection.execute(select(STREAMS.c.site, STREAMS.c.gate).distinct()).all()
        return [(row.site, row.gate) for row in rows]

    # In the recorder's thread --------------------------------------------------------------------------------------

    def committed(self, recorded: list[Recorded], problems: list[Problem]) -> None:
        self.gates.recorded(recorded)
        self.hub.tell(recorded, "gates")
        self.casebook.recorded(recorded, problems)
        self.casebook.hear(of_progress(each.received for each in recorded))

    def unreadable(self, where: str, reason: str) -> None:
        self.casebook.hear([self._unreadable.refused(where, reason, time.monotonic())])

    def awaits(self, site: str, gate: str, first: int, last: int) -> None:
        self.casebook.hear([of_waiting(site, gate, first, last)])

    def connected(self, publish: Callable[[Message], None]) -> None:
        self._publish = publish
        self._discovered.clear()

    def state(self, site: str, gate: str, presence: Presence) -> None:
        self.gates.state(site, gate, presence)
        self._discover(site, gate)
        self.casebook.hear(of_state(site, gate, presence))
        self.hub.tell([], "gates")

    def _discover(self, site: str, name: str) -> None:
        """Have Home Assistant know a gate, and again when it has other doors or cameras."""
        section, found = self.settings.home_assistant, self.gates.find(site, name)
        if not section.prefix or found is None:
            return
        names, translate = self.settings.site.names, speaking(section.language)
        message = device(section.prefix, site, name, found.part("doors"), found.part("cameras"), translate, names)
        if self._discovered.get(found.place) != message:
            self._discovered[found.place] = message
            self._publish(message)

    def health(self, site: str, gate: str, health: dict[str, object]) -> None:
        self.gates.health(site, gate, health)
        self._is_measured = True
        self.casebook.hear(of_health(site, gate, health))

    @property
    def why_silent(self) -> str:
        """Why nothing of gates is heard or kept; empty while the broker is connected and the database is written."""
        return self._unlinked or self._unkept

    def link(self, why: str) -> None:
        self._silent(why, self._unkept)
        if why:
            self.turn()

    def _silent(self, unlinked: str, unkept: str) -> None:
        before = self.why_silent
        self._unlinked, self._unkept = unlinked, unkept
        if self.why_silent != before:
            self.hub.tell([], "link")

    def turn(self) -> None:
        now = self.turned_at = time.monotonic()
        if now - self._ticked < TICK_S:
            return
        self._ticked = now
        if self._is_measured and now - self._shown >= SHOWN_S:
            self._is_measured, self._shown = False, now
            self.hub.tell([], "gates")
        try:
            self._keep_up(now)
        except StoreError as error:
            self._silent(self._unlinked, str(error))
        else:
            self._silent(self._unlinked, "")

    def _keep_up(self, now: float) -> None:
        """What has not been done for long enough; what fails is tried again in the next turn."""
        self._unreadable.tick(now, self.casebook.hear)
        self.casebook.tick()
        self._doubt()
        if now - self._looked > LOOK_S:
            self.upkeep.tick(time.time(), self.casebook.hear)
            self._looked = now
        if now - self._erased > ERASE_S:
            self._erase(time.time())
            self._erased = now

    def _doubt(self) -> None:
        """Streams end with their session or account, also with one that another process has ended, or that is over."""
        before, self._sessions = self._sessions, self.accounts.sessions()
        if self.accounts.lapsed() or before - self._sessions:
            self.hub.doubt()

    def _erase(self, now: float) -> None:
        """What was kept for as long as it may be."""
        retention = self.settings.retention
        for kept in (self.history, self.deliveries, self.photos, Ledger(self.database)):
            kept.erase(now - retention.personal_s)
        self.casebook.erase(now - retention.staff_s)
        self.accounts.erase(now - retention.staff_s)
        self.upkeep.erase(now - retention.staff_s)
        self._accepted.erase(now - retention.staff_s)
        self._cut(now - retention.steps_s)

    def _cut(self, closed_before: float) -> None:
        """Let old steps end. A broken chain stays as it is: told once, since to look again is to read it all."""
        broken = self._chain.cut(closed_before).broken if self._is_whole else None
        if broken:
            self._is_whole = False
            detail = f"{broken.position}: {broken.why}"
            self.casebook.hear([Raised(Key("", "", "", UNCHAINED), 700, Check.LOOK, detail, latched=True)])
