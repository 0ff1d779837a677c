"""Which pages of people a gate or the desk asks the broker for, and when again. Pure.

A broker queues little for one client and drops the rest without a word, so thousands of retained messages are asked
for a page at a time. A subscription that is made again has its retained messages sent again: so is healed what was
dropped.
"""

from typing import NamedTuple

from edge.holding import Holding
from edge.records import PAGES, Topics, page_of

WINDOW = 8
"""So many pages are on their way at once."""
PATIENCE_S = 2.0
"""A page that has not come by then is asked for again, and does not hold up the others."""
LOOK_EVERY_S = 0.02
CHECK_EVERY_S = 20.0
"""How often the manifest is asked for again though nothing is lacking. A node of a cluster that has just returned shows
what it held when it went, and nobody tells it of a newer one until the next is issued."""


PAGE_QOS = 0
"""A page is subscribed to without acknowledgements: the manifest says what was lost, and it is asked for again.
A cluster keeps a consumer for every subscription with them, which takes seconds while a node is away (decision 45)."""


class Wanted(NamedTuple):
    """Topics to subscribe to: the manifest and its index, and pages of people with `PAGE_QOS`."""

    documents: list[str]
    pages: list[str]


class Pager:
    """For one connection; the index and the manifest are subscribed to when it is made."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._asked: dict[int, float] = {}
        self._index_at: float | None = None
        self._checked: float | None = None
        self._looked = 0.0

    def wanted(self, holding: Holding, now: float) -> Wanted:
        """The topics to subscribe to now."""
        if now - self._looked < LOOK_EVERY_S:
            return Wanted([], [])
        self._looked = now
        behind = set(holding.behind)
        wanted = Wanted(self._index(bool(behind), now), [])
        if behind and not self._asked and now - (self._index_at or now) < PATIENCE_S / 2:
            return wanted  # the index first: records that it names need no signature of their own
        lacking = behind | {page_of(person) for person in holding.lacking}
        on_way = sum(1 for page, since in self._asked.items() if page in lacking and now - since < PATIENCE_S)
        due = [page for page in range(PAGES) if page not in self._asked]
        due += [page for page, since in self._asked.items() if page in lacking and now - since >= PATIENCE_S]
        for page in due[: max(0, WINDOW - on_way)]:
            self._asked[page] = now
            wanted.pages.append(self._topics.folk(page))
        return wanted

    @property
    def done(self) -> bool:
        """Whether every page has been asked for at least once."""
        return len(self._asked) == PAGES

    def _index(self, behind: bool, now: float) -> list[str]:
        """Manifest and index again, while they do not fit each other."""
        if not behind or self._index_at is None:
            self._index_at = now
            return self._check(now)
        if now - self._index_at < PATIENCE_S:
            return []
        self._index_at = now
        return [self._topics.manifest, self._topics.index]

    def _check(self, now: float) -> list[str]:
        """The manifest, now and then."""
        since = now if self._checked is None else self._checked
        due = now - since >= CHECK_EVERY_S
        self._checked = now if due else since
        return [self._topics.manifest] if due else []
