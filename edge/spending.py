"""Uses of passes: written down before a grant is recorded, told to other gates once they stand, or given back.

What is given back was written down by this run, for a grant that the gate says has released no door. Whatever ends the
run before that, a crash or a power cut, leaves the use counted (docs/decisions/0072).
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from edge.bulletin import Uses
from edge.effects import UseSettled
from edge.errors import EdgeError
from edge.passbook import Passbook

log = logging.getLogger(__name__)

REMEMBERED = 64
"""Uses of the last grants; one is settled within a second, so of those before nothing is to come."""


class Use(Struct):
    """A use that this run has written down."""

    credential: str
    shared: bool
    stands: bool = False
    """Whether the door was released for it."""


@contextlib.contextmanager
def logged() -> Iterator[None]:
    """What goes wrong with the book costs what was to be written, and the gate goes on."""
    try:
        yield
    except EdgeError as error:
        log.warning("%s", error)


class Spending:
    """The book at `path`; `publish` tells the other gates. For one thread."""

    def __init__(self, path: Path, publish: Callable[[bytes], None]) -> None:
        self._path, self._publish = path, publish
        self._uses: dict[int, Use] = {}
        """By ticket."""
        self._back: list[int] = []
        """The tickets of those that are to be given back."""

    def count(self, ticket: int, credential: str, until: float, shared: bool) -> bool:
        """Write a use down for this grant; whether that was possible."""
        with logged():
            Passbook(self._path).spend(credential, until, shared)
            self._uses[ticket] = Use(credential, shared)
            if len(self._uses) > REMEMBERED:
                del self._uses[next(iter(self._uses))]
            return True
        return False

    def settle(self, settled: UseSettled) -> None:
        """One that was not written down, since its grant found no room or no disk, is none to give back."""
        use = self._uses.get(settled.ticket)
        if use is None:
            return
        told, use.stands = use.stands, settled.stands
        if not use.stands:
            self._back.append(settled.ticket)
            self.give_back()
        if use.shared and (use.stands or told):
            self.tell()

    def give_back(self) -> None:
        """Whatever is to be given back and was not yet, since the disk had failed."""
        with logged():
            while self._back:
                if use := self._uses.get(self._back[0]):
                    Passbook(self._path).give_back(use.credential)
                    del self._uses[self._back[0]]
                del self._back[0]

    def tell(self) -> None:
        """How often passes for several gates were used here: only what stands, which the others then count for good."""
        with logged():
            open_ = Counter(use.credential for use in self._uses.values() if not use.stands)
            counted = Passbook(self._path).shared().items()
            self._publish(msgspec.json.encode(Uses({id_: (n - open_[id_], end) for id_, (n, end) in counted})))
