"""The templates of a list that changes, in one buffer that grows at its end. Pure.

A gallery is a view of it: an edit costs the rows of one person and not a copy of everybody's, and the gallery that
is being searched meanwhile never changes but for rows of people who were removed, which become zero.
"""

import numpy as np
from numpy.typing import NDArray

from edge.matcher import Gallery, Likeness, Vector

LEAST_ROWS = 256
ROOM = 2
"""How many times more rows a new buffer has than are used; memory that is not written costs nothing."""
NOBODY = -1
SAME = 0.05
"""So small a share of people who come and go changes nothing about how alike they are: to measure it takes a while."""


class Shelf:
    """Templates (n, `dimension`) by person."""

    def __init__(self, dimension: int) -> None:
        self._rows: Vector = np.zeros((LEAST_ROWS, dimension), np.float32)
        self._owner: NDArray[np.int32] = np.full(LEAST_ROWS, NOBODY, np.int32)
        self._used = 0
        self._names: list[str] = []
        self._at: dict[str, tuple[int, int, int]] = {}
        self._likeness: Likeness | None = None
        self._likened_for = 0.0
        self._changes = 0
        """How many people have come and gone since it was measured how alike they are."""

    def __contains__(self, person: str) -> bool:
        return person in self._at

    def __len__(self) -> int:
        """How many people there are."""
        return len(self._at)

    def put(self, person: str, templates: Vector) -> None:
        """Have these templates of a person, and none that were there before."""
        self.remove(person)
        if self._used + len(templates) > len(self._rows):
            self._renew(len(templates))
        start, end = self._used, self._used + len(templates)
        self._rows[start:end] = templates
        self._owner[start:end] = len(self._names)
        self._at[person] = start, end, len(self._names)
        self._names.append(person)
        self._used = end
        self._changes += 1

    def remove(self, person: str) -> None:
        """Forget a person: the rows are overwritten at once."""
        if place := self._at.pop(person, None):
            start, end, _ = place
            self._rows[start:end] = 0.0
            self._owner[start:end] = NOBODY
            self._changes += 1

    def gallery(self, revision: int) -> Gallery:
        """Everybody who is there now."""
        owner = self._owner[: self._used].copy()
        return Gallery.of(self._rows[: self._used], owner, tuple(self._names), revision)

    def likeness(self, fpir: float) -> Likeness | None:
        """That of the gallery; measured again when more than a few have come or gone, or for another rate."""
        if self._changes > SAME * len(self) or fpir != self._likened_for:
            self._likeness, self._likened_for, self._changes = self.gallery(0).likeness(fpir), fpir, 0
        return self._likeness

    def _renew(self, more: int) -> None:
        """Another buffer without the rows of nobody."""
        used = sum(end - start for start, end, _ in self._at.values())
        size = max(LEAST_ROWS, ROOM * (used + more))
        rows = np.zeros((size, self._rows.shape[1]), np.float32)
        owner = np.full(size, NOBODY, np.int32)
        place = 0
        for number, (person, (start, end, _)) in enumerate(self._at.items()):
            count = end - start
            rows[place : place + count] = self._rows[start:end]
            owner[place : place + count] = number
            self._at[person] = place, place + count, number
            place += count
        self._rows, self._owner, self._used, self._names = rows, owner, place, list(self._at)
