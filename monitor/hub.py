"""Who watches the page live: what has changed, from the recorder's thread to every open page (server-sent events)."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator

import msgspec

from monitor.ledger import Recorded

BEHIND = 2_000
"""Most events that wait for a page that reads slowly; then it is told to look anew."""
SIGNAL_S = 0.3
"""A page is told at most so often that alarms or gates have changed."""
ALIVE_S = 15.0


class News(msgspec.Struct, frozen=True):
    """An event as the page's stream carries it: nothing personal. `time` is the gate's, `arrived` UTC seconds."""

    position: int
    id: str
    site: str
    gate: str
    subject: str
    type: str
    severity: int
    time: str
    arrived: float
    late: bool

    @classmethod
    def of(cls, recorded: Recorded) -> "News":
        at, event = recorded.received, recorded.received.event
        return cls(
            recorded.position, event.id, at.site, at.gate, event.subject, event.type, event.severity, event.time,
            recorded.arrived, recorded.late,
        )  # fmt: skip


class Watcher:
    """One open page."""

    def __init__(self) -> None:
        self._events: deque[bytes] = deque(maxlen=BEHIND)
        self._signals: set[str] = set()
        self._wake = asyncio.Event()
        self._told = 0.0
        self.is_doubted = False
        """Whether whoever listens may be logged out; whoever has asked says that they are not."""

    def doubt(self) -> None:
        self.is_doubted = True
        self._wake.set()

    def put(self, events: list[bytes], signals: set[str]) -> None:
        if len(self._events) + len(events) > BEHIND:
            self._events.clear()
            self._signals.add("resync")
        else:
            self._events.extend(events)
        self._signals |= signals
        self._wake.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """Frames of the event stream, for ever: `events` at once, the names of what has changed now and then.

        An empty one comes when it is to be asked who listens.
        """
        yield b": welcome\n\n"
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), self._patience())
            except TimeoutError:
                if not self._signals:
                    yield b"event: alive\ndata: alive\n\n"
            self._wake.clear()
            if self.is_doubted:
                yield b""
            if self._events:
                batch = b",".join(self._events)
                self._events.clear()
                yield b"event: events\ndata: [" + batch + b"]\n\n"
            if self._signals and time.monotonic() - self._told >= SIGNAL_S:
                self._told = time.monotonic()
                names, self._signals = sorted(self._signals), set()
                yield b"".join(f"event: {name}\ndata: {name}\n\n".encode() for name in names)

    def _patience(self) -> float:
        return max(0.01, self._told + SIGNAL_S - time.monotonic()) if self._signals else ALIVE_S


class Hub:
    """Hands on what other threads tell to the watchers, which live in the web server's loop."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self) -> None:
        """To be called in the web server's loop, before anybody watches."""
        self._loop = asyncio.get_running_loop()

    @property
    def size(self) -> int:
        return len(self._watchers)

    def join(self) -> Watcher:
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def tell(self, events: list[Recorded], *signals: str) -> None:
        """From any thread: these were recorded, and this has changed (`alarms`, `gates`)."""
        if self._loop and self._watchers:
            lines = [msgspec.json.encode(News.of(event)) for event in events]
            self._loop.call_soon_threadsafe(self._spread, lines, set(signals))

    def doubt(self) -> None:
        """From any thread: somebody may have been logged out."""
        if self._loop and self._watchers:
            self._loop.call_soon_threadsafe(self._ask)

    def _ask(self) -> None:
        for watcher in self._watchers:
            watcher.doubt()

    def _spread(self, lines: list[bytes], signals: set[str]) -> None:
        for watcher in self._watchers:
            watcher.put(lines, signals)
