"""Tells levels of alarms: asks the rules who should know by now, writes it down, delivers it, and tries again.

A thread asks once a second and whenever alarms change; deliveries run beside it, and those of a level by one way apart
from all others, so that a server which hangs delays nobody else. A notice is put down before it is sent: after a crash
it is sent again rather than lost, under the same id.
"""

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.errors import EdgeError, StoreError
from monitor.cap import Issuer
from monitor.database import Database
from monitor.deliveries import Deliveries, Delivery, Raising, Unreadable
from monitor.linkage import Cause, Level, Linkage, Telling
from monitor.notice import Notice, Writer, trial
from monitor.post import Mail, Post, Way, targets
from monitor.settings import Configured
from monitor.terms import UNDELIVERED, Alarm, Check, Cleared, Fact, Key, Probed, Raised, nobodys

TURN_S = 1.0
AT_ONCE = 4
"""Most notices that are under way to one level by one way."""
RAISE_AFTER = 3
"""Attempts that fail before it is an alarm that a level cannot be reached."""
SEVERITY = 700

Hear = Callable[[list[Fact]], None]


def linkage_of(configured: Configured) -> Linkage:
    return Linkage(configured.settings.level, configured.settings.rule)


def issuer_of(configured: Configured) -> Issuer:
    site = configured.settings.site
    return Issuer(site.sender, site.title, ZoneInfo(site.time_zone))


def post_of(configured: Configured) -> Post:
    """The ways of a configuration; EdgeError when a secret cannot be read."""
    mail = configured.settings.mail
    server = Mail(
        host=mail.host, port=mail.port, security=mail.security, username=mail.username, sender=mail.sender,
        password=configured.secret(mail.password_file) if mail.password_file else "",
        ca_file=str(configured.path(mail.ca_file)) if mail.ca_file else "",
    )  # fmt: skip
    writer = Writer(issuer_of(configured), configured.settings.web.url)
    return Post(configured.broker, server if mail.host else None, writer, configured.secret)


def tester(configured: Configured, database: Database) -> "Dispatcher":
    """One that is not started: it tells nobody of alarms, and can be asked for a test."""
    zone = ZoneInfo(configured.settings.site.time_zone)
    linkage, post = linkage_of(configured), post_of(configured)
    return Dispatcher(linkage, Deliveries(database), post, zone, list, lambda _: None, lambda: None)


class Dispatcher:
    """Runs from `start` to `stop`. `alarms` gives those that may have to be told; `hear` is told of ways that fail."""

    def __init__(
        self, linkage: Linkage, deliveries: Deliveries, post: Post, zone: ZoneInfo, alarms: Callable[[], list[Alarm]],
        hear: Hear, changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.levels = {level.name: level for level in linkage.levels}
        self._linkage, self._deliveries, self._post, self._zone = linkage, deliveries, post, zone
        self._alarms, self._hear, self._changed = alarms, hear, changed
        self._told: dict[Raising, set[Telling]] = {}
        self._under_way: set[int] = set()
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self.failed: Callable[[], None] = lambda: None
        """Called when nobody is told any more, by a mistake of ours."""
        self._pools: dict[tuple[str, Way], ThreadPoolExecutor] = defaultdict(_pool)

    def start(self) -> None:
        if self.levels:
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        for wait in (False, True):  # none begins another one while the next is waited for
            for pool in self._pools.values():
                pool.shutdown(wait, cancel_futures=True)

    def wake(self) -> None:
        """Alarms have changed."""
        self._wake.set()

    def _run(self) -> None:
        try:
            self._turns()
        except BaseException:
            self.failed()
            raise

    def _turns(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(TURN_S)
            self._wake.clear()
            try:
                self.turn(time.time())
            except StoreError:
                self._told.clear()  # the recorder's thread tells of it; what is on the disk counts

    def turn(self, now: float) -> None:
        """Put down who is to be told, and begin to deliver what is to be tried."""
        alarms = {(alarm.number, alarm.raised): alarm for alarm in self._alarms()}
        if unknown := alarms.keys() - self._told.keys():
            self._told |= {raising: set() for raising in unknown} | self._deliveries.told(unknown)
        for gone in self._told.keys() - alarms.keys():
            del self._told[gone]
        local = datetime.fromtimestamp(now, self._zone)
        for raising, alarm in alarms.items():
            for telling in self._linkage.due(alarm, self._told[raising], now, local):
                notice = _notice(telling, alarm, now - alarm.raised)
                self._deliveries.add(notice, targets(self.levels[telling.level]), now)
                self._told[raising] = {*self._told[raising], telling}
        self._deliver(now)

    def _deliver(self, now: float) -> None:
        busy = set(self._under_way)  # before the question: what ends between the two would be delivered twice
        waiting = self._deliveries.waiting(now, 10 * AT_ONCE)
        idle = [each for each in waiting if each.number not in busy]
        for each in idle:
            if isinstance(each, Unreadable):
                self._set_aside(each, now)
        begun = [each for each in idle if isinstance(each, Delivery)]
        for delivery in begun:
            self._under_way.add(delivery.number)
            self._pools[delivery.notice.level, delivery.way].submit(self._try, delivery)
        if begun:
            self._changed()

    def _set_aside(self, row: Unreadable, now: float) -> None:
        """A person has to know of it. What another way was to tell as well is told by this one again; without such,
        its level is told anew of whatever it should still know."""
        key = Key("", "", f"level/{row.level}", UNDELIVERED)
        self._hear([Raised(key, SEVERITY, Check.LOOK, row.why, latched=True)])
        self._tell_missing(row, now)  # before: it is not lost if the room is killed between the two
        self._deliveries.set_aside(row, now)
        self._told.clear()

    def _tell_missing(self, row: Unreadable, now: float) -> None:
        others, level = self._deliveries.beside(row), self.levels.get(row.level)
        ways = {each.way for each in others}
        missing = {way: target for way, target in targets(level).items() if way not in ways} if level else {}
        if others and missing:
            self._deliveries.add(others[0].notice, missing, now)

    def _try(self, delivery: Delivery) -> None:
        level = self.levels.get(delivery.notice.level)
        try:
            why = self._attempt(delivery.notice, level, delivery.way) if level else "no such level any more"
            if why:
                self._deliveries.failed(delivery, why, time.time())
            else:
                self._deliveries.delivered(delivery, time.time())
            if not why or delivery.attempts + 1 >= RAISE_AFTER:
                self._tell(delivery.notice.level, delivery.way, why)
        except StoreError:
            pass  # it is still written down as waiting
        finally:
            self._under_way.discard(delivery.number)
            self._changed()

    def _attempt(self, notice: Notice, level: Level, way: Way) -> str:
        try:
            self._post.deliver(notice, level, way)
        except EdgeError as error:
            return str(error.message)
        except Exception as error:  # noqa: BLE001 - a mistake of ours is a notice that did not arrive, which is told
            return f"{type(error).__name__}: {error}"
        return ""

    def _tell(self, level: str, way: Way, why: str) -> None:
        subject = f"level/{level}/{way}"
        key = Key("", "", subject, UNDELIVERED)
        if why:
            self._hear([Raised(key, SEVERITY, Check.DELIVERY, why)])
        else:
            self._hear([Cleared(key), Probed("", "", subject, Check.DELIVERY, True)])

    def test(self, name: str) -> dict[Way, str]:
        """Tell a level by all its ways that this is a test; each with why it failed, or "". EdgeError for no level."""
        level = self.levels.get(name)
        if level is None:
            known = ", ".join(self.levels) or "-"
            raise EdgeError("there is no level {name}; there are: {known}", name=name[:40], known=known)
        notice = _notice(Telling(name, Cause.TEST), trial(time.time()))
        ways = targets(level)
        with _pool() as pool:
            outcomes = dict(zip(ways, pool.map(lambda way: self._attempt(notice, level, way), ways), strict=True))
        for way, why in outcomes.items():
            self._deliveries.tried(notice, way, ways[way], time.time(), why)
            if not why:
                self._tell(name, way, "")
        self._changed()
        return outcomes


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, "delivery")


def _notice(telling: Telling, alarm: Alarm, after_s: float = 0.0) -> Notice:
    """What is told; nobody's name goes out with it."""
    return Notice(secrets.token_hex(12), telling.level, telling.cause, nobodys(alarm), after_s)
