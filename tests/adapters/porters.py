"""A porter, and what it tells."""

import time
from pathlib import Path
from typing import Any

import msgspec

from edge.bulletin import Uses
from edge.doorevents import AccessGranted
from edge.effects import Emit
from edge.passbook import BOOK, Passbook
from edge.porter import Known, Porter
from edge.site import Site
from edge.terms import Now, Permit
from edge.wire import Code, CodeRead
from tests.adapters.brokers import until

NOW = time.time()


class Desk:
    """A porter, what it told, and what was recorded after it had counted."""

    def __init__(self, root: Path, trusted: bool = True) -> None:
        self.site = Site(root, root)
        self.told: list[Any] = []
        self.recorded: list[Emit] = []
        self.here: set[str] = set()
        self.permits: dict[str, Permit] = {}
        self.looked = 0
        self.published: list[dict[str, int]] = []
        """How often passes for several gates were used, as the other gates are told."""
        config, credentials = self.site.config, self.site.credentials
        self.porter = Porter(
            config, credentials, self.told.append, lambda told, now: self.recorded.append(told),
            Known(self.here.__contains__, self.permits.get), self._clock, self._publish,
        )  # fmt: skip
        self._trusted = trusted

    def _clock(self) -> Now:
        self.looked += 1
        return Now(time.monotonic(), NOW, self._trusted)

    def _publish(self, payload: bytes) -> None:
        told = msgspec.json.decode(payload, type=Uses)
        self.published.append({id_: count for id_, (count, _) in told.passes.items()})

    def grant(self, ticket: int, pass_id: str = "k7m2") -> None:
        """The gate has granted somebody with this pass, and the porter has written that down."""
        before = len(self.recorded)
        granted = Emit("door/main", AccessGranted(pass_id, None, credential=pass_id), ticket)
        self.porter.spend(granted, Now(1.0, NOW))
        until(lambda: len(self.recorded) > before)

    @property
    def book(self) -> Passbook:
        return Passbook(self.site.config.state / BOOK)

    def show(self, text: str) -> None:
        self.porter.read(Code("entrance", CodeRead(text, 1.0)))

    def of(self, kind: type) -> list[Any]:
        return [fact for fact in self.told if isinstance(fact, kind)]
