"""Requests of workstations wait for the desk's clerk in a fair queue: one workstation keeps no other from its turn."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from edge.clerk import Clerk
from edge.config import Credentials, DeskConfig

log = logging.getLogger(__name__)

T = TypeVar("T")
PLACES = 8
"""So many requests of one workstation may wait for their turn."""


class FairQueue(Generic[T]):
    """At most `places` items of each key, served round robin: among keys, the one that was served longest ago."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: dict[str, deque[T]] = {}

    def put(self, key: str, item: T) -> bool:
        """Whether there was a place for it."""
        waiting = self._waiting.setdefault(key, deque())
        if len(waiting) >= self._places:
            return False
        waiting.append(item)
        return True

    def take(self) -> T:
        """The next; LookupError when nothing waits."""
        key = next(iter(self._waiting), "")
        waiting = self._waiting.pop(key)
        item = waiting.popleft()
        if waiting:
            self._waiting[key] = waiting  # behind the others
        return item


class Counter:
    """Hands requests of workstations to a clerk on a thread of its own: one that takes long delays no revocation."""

    def __init__(self, config: DeskConfig, credentials: Credentials) -> None:
        self._config, self._credentials = config, credentials
        self._clerk: Clerk | None = None
        self._pool = ThreadPoolExecutor(1, "clerk")
        self._waiting, self._lock = FairQueue[tuple[str, bytes]](PLACES), threading.Lock()
        self._asked: deque[Future[tuple[str, bytes | None]]] = deque()

    def hear(self, name: str, message: bytes, known: bool) -> None:
        """Have a request answered in its workstation's turn; one too many is not heard, and will be asked again.

        All names that are not `known` share one turn: that nobody has them is for the clerk to tell.
        """
        with self._lock:
            heard = self._waiting.put(name if known else "", (name, message))
        if heard:
            self._asked.append(self._pool.submit(self._next))

    def replies(self) -> Iterator[tuple[str, bytes]]:
        """What there is to say by now, and to which workstation; one that is not answered asks again."""
        while self._asked and self._asked[0].done():
            done = self._asked.popleft()
            if error := done.exception():
                log.error("a request of a workstation was not answered", exc_info=error)
                continue
            name, reply = done.result()
            if reply:
                yield name, reply

    def _next(self) -> tuple[str, bytes | None]:
        with self._lock:
            name, message = self._waiting.take()
        self._clerk = self._clerk or Clerk(self._config, self._credentials)
        return name, self._clerk.hear(name, message)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._clerk:
            self._clerk.close()
