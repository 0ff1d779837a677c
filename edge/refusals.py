"""The report of what was refused of a list of people, and why: CSV that spreadsheets open, right after every row.

It is also what a run that goes on where another ended knows of those who were refused: its last column says what they
were judged by. Who handed in the same again is not judged again, and what was said of them stands, once.
"""

import codecs
import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from edge import files
from edge.applications import Refusal
from edge.errors import StoreError, Translate
from edge.forms import safe

TITLES = ["where", "number", "name", "photo", "reason", "why", "judged"]
WHERE, NUMBER, PHOTO, REASON, JUDGED = map(TITLES.index, ("where", "number", "photo", "reason", "judged"))

Line = list[str]


class Refusals:
    """The report at `path`, to be used with `with`; there is none when nothing was refused. With `retry`, whoever was
    refused is judged again. StoreError rather than put it in the place of anything but an earlier one.
    """

    def __init__(self, path: Path, translate: Translate, retry: bool = False) -> None:
        self.path, self._translate, self._retry = files.named(path), translate, retry
        self._before = _read(self.path)
        self._lines: list[Line] = []

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._before.clear()  # of whom the list says nothing any more
        self._write()
        if not self.count:
            self.path.unlink(missing_ok=True)

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines) + sum(map(len, self._before.values()))

    def keep(self, where: str, number: str) -> None:
        """What an earlier run said of photos of somebody who is in stands."""
        self._stand(where, [line for line in self._before.pop(safe(number), []) if line[PHOTO]])

    def stands(self, where: str, number: str, judged: str) -> str:
        """The reason for which an earlier run turned away who is judged by the same now, whose lines stand; empty when
        they are to be judged, and what was said of them before is said anew.
        """
        lines = self._before.pop(safe(number), [])
        reason = next((line[REASON] for line in lines if not line[PHOTO] and line[JUDGED] == judged), "")
        if not reason or self._retry:
            return ""
        self._stand(where, lines)
        return reason

    def _stand(self, where: str, lines: list[Line]) -> None:
        self._lines += [[where, *line[1:]] for line in lines]  # rows may have moved

    def note(self, refusal: Refusal, judged: str) -> None:
        """On the disk when this returns, as far as a process that is killed is concerned."""
        why = "; ".join(refusal.error.render(self._translate).splitlines())
        told = [refusal.where, refusal.number, refusal.name, refusal.photo, refusal.error.reason, why, judged]
        line = [safe(cell) for cell in told]
        self._lines.append(line)
        with self._translated(), self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(line)

    def _write(self) -> None:
        text = io.StringIO(newline="")
        before = (line for lines in self._before.values() for line in lines)
        csv.writer(text).writerows([TITLES, *self._lines, *before])
        with self._translated():
            files.replace(self.path, codecs.BOM_UTF8 + text.getvalue().encode())  # else spreadsheets guess

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError("{path} cannot be written: {why}", path=self.path, why=error.strerror) from error


def _read(path: Path) -> dict[str, list[Line]]:
    """What a report says of everybody who was judged, by number: of who was judged twice, because a process was killed,
    the last. StoreError when it says something else.
    """
    first, *lines = _lines(path)
    if first != TITLES:
        raise files.foreign(path)
    found: dict[str, dict[str, Line]] = {}
    for line in lines:
        if len(line) == len(TITLES) and line[JUDGED]:  # rows that are none are told by every run
            said = found.setdefault(line[NUMBER], {})
            if any(other[JUDGED] != line[JUDGED] for other in said.values()):
                said.clear()
            said[line[PHOTO]] = line
    return {number: [*said.values()] for number, said in found.items()}


def _lines(path: Path) -> list[Line]:
    """Of a report; only the titles where there is none yet. A full disk may have cut off the last."""
    try:
        return [*csv.reader(io.StringIO(path.read_text("utf-8-sig", "replace"), newline=""))] or [TITLES]
    except FileNotFoundError:
        return [TITLES]
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    except csv.Error as error:
        raise files.foreign(path) from error
