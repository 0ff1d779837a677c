"""The whitelist of a gate that stands alone: its own file, looked at for changes."""

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from edge import sitetable
from edge.errors import EdgeError
from edge.facts import WhitelistLoaded
from edge.matcher import NOBODY, Calibration, Gallery, Likeness, Strangers
from edge.packs import Manifest
from edge.sources import Put, Source
from edge.terms import Permit
from edge.whitelist import Whitelist

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How often the whitelist's revision is looked up: a revocation acts within this and the time to load."""

SURE = 0.01
"""A match is without doubt when it would do for so many times the wanted false-positive rate."""


class Loaded(Struct, frozen=True):
    """A whitelist revision ready to be searched, or none, with the fact that says so and what each person may."""

    gallery: Gallery | None
    fact: WhitelistLoaded
    permits: dict[str, Permit] = {}
    sure: float = NOBODY
    """The score of a match without doubt."""


class Table(NamedTuple):
    """The calibration in use and what it is called."""

    calibration: Calibration
    name: str

    @classmethod
    def of(cls, state: Path, pack: Manifest) -> "Table":
        """The site's own where there is one, else the pack's; StoreError when the site's is damaged."""
        return cls(*sitetable.in_use(state, pack.id, pack.calibration))


def told(
    gallery: Gallery, people: int, table: Table, fpir: float, likeness: Likeness | None, notice: str = ""
) -> WhitelistLoaded:
    """The fact of a gallery with so many people, with the threshold that the wanted FPIR asks for."""
    strangers = Strangers(table.calibration, len(gallery), likeness)
    score = strangers.threshold(fpir)
    moved = score - Strangers(table.calibration, len(gallery)).threshold(fpir)
    rate = strangers.fpir(score)
    return WhitelistLoaded(gallery.revision, people, score, rate, "", moved, table.name, notice, bool(notice))


class WhitelistSource(Source):
    """Looks for a new whitelist revision, for another calibration table in the state directory, and for a new day
    (`today`), on which retention dates may pass."""

    def __init__(
        self, whitelist: Whitelist, pack: Manifest, fpir: float, state: Path, today: Callable[[], date], put: Put
    ) -> None:
        super().__init__("whitelist", put)
        self._whitelist, self._pack, self._fpir = whitelist, pack, fpir
        self._state, self._today = state, today

    def listen(self) -> None:
        known: object = None
        while True:
            try:
                today = self._today()
                found: object = (self._whitelist.revision(), today, sitetable.stamp(self._state))
                if found != known:
                    self._put(self._load(today))
            except EdgeError as error:
                found = str(error)
                if found != known:
                    self._put(Loaded(None, WhitelistLoaded(0, 0, NOBODY, 0.0, found)))
            known = found
            if self._stopped.wait(LOOK_EVERY_S):
                return

    def _load(self, today: date) -> Loaded:
        """Read the whole list."""
        selection = self._whitelist.gallery(self._pack.id, today)
        for problem in selection.left_out:
            log.warning("%s", problem)
        gallery = selection.gallery
        table = Table.of(self._state, self._pack)
        likeness = gallery.likeness(self._fpir)
        fact = told(gallery, len(gallery.people), table, self._fpir, likeness)
        sure = Strangers(table.calibration, len(gallery), likeness).threshold(self._fpir * SURE)
        return Loaded(gallery, fact, selection.permits, sure)
