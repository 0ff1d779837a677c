"""The report of what was refused of a list of people, and why: CSV that spreadsheets open, right after every row.

A run that goes on where another ended keeps what that one said of photos of people who are in.
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

TITLES = ["where", "number", "name", "photo", "reason", "why"]

Line = list[str]


class Refusals:
    """The report at `path`, to be used with `with`; there is none when nothing was refused."""

    def __init__(self, path: Path, translate: Translate) -> None:
        self.path, self._translate = path, translate
        self._lines: dict[str, list[Line]] = {}
        for line in _read(path):
            if line[TITLES.index("photo")]:  # whole applications are judged anew
                self._lines.setdefault(line[0], []).append(line)

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        if not self._lines:
            self.path.unlink(missing_ok=True)

    @property
    def count(self) -> int:
        """How many lines there are."""
        return sum(map(len, self._lines.values()))

    def begin(self, where: str) -> None:
        """What was said of an application is said anew."""
        self._lines.pop(where, None)

    def note(self, refusal: Refusal) -> None:
        """On the disk when this returns, as far as a process that is killed is concerned."""
        why = " ".join(refusal.error.render(self._translate).splitlines())
        told = [refusal.where, refusal.number, refusal.name, refusal.photo, refusal.error.reason, why]
        line = [safe(cell) for cell in told]
        self._lines.setdefault(line[0], []).append(line)
        with self._translated(), self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(line)

    def _write(self) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([TITLES, *(line for lines in self._lines.values() for line in lines)])
        with self._translated():
            files.replace(self.path, codecs.BOM_UTF8 + text.getvalue().encode())  # else spreadsheets guess

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError("{path} cannot be written: {why}", path=self.path, why=error.strerror) from error


def _read(path: Path) -> list[Line]:
    """The lines of a report; nothing of a file that is none, which another report takes the place of."""
    try:
        first, *lines = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
    except (OSError, ValueError, csv.Error):
        return []
    return [line for line in lines if len(line) == len(TITLES)] if first == TITLES else []
