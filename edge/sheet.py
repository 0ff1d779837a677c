"""A list of people as spreadsheets save it: CSV in UTF-8 or GB18030, a row a person, with the names of their photos.

A row is a line: whoever forgets a quotation mark spoils that row and not the rest of the file.
"""

import codecs
import contextlib
import csv
import difflib
import io
import re
from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from edge import files, forms
from edge.applications import Application, Applications, Refusal, photos_in
from edge.enrolled import Applicant, Bounds, Consent, Person
from edge.errors import EdgeError, RefusedError
from edge.forms import safe

T = TypeVar("T")

COLUMNS = {
    "number": ("编号", "工号", "id"),
    "name": ("姓名",),
    "photos": ("照片",),
    "consent": ("同意书",),
    "purpose": ("用途",),
    "retain_until": ("保存至",),
    "levels": ("权限",),
    "valid_from": ("有效期起",),
    "valid_until": ("有效期止",),
    "host": ("接待人",),
    "another": ("另有其人",),
}
"""The columns, and what they may be called as well."""
NEEDED = ("number", "name")
REMARK = "#"
BETWEEN = ";"
"""Between several photos or levels of a person."""
REMARKS = ("#id", "#standing", "#templates", "#enrolled_at", "#revoked_at", "#revision")
LARGEST_BYTES = 100_000_000
"""Of a list: several hundred thousand people."""
LINE_END = re.compile(r"\r\n?|\n")


class Grounds(NamedTuple):
    """What stands for everybody whose row says nothing else; empty where every row must."""

    consent: str = ""
    purpose: str = ""
    retain_until: str = ""
    bounds: Bounds = Bounds()


class Sheet(NamedTuple):
    """The applications of a file, and how it was encoded."""

    applications: Applications
    encoding: str


def read(path: Path, grounds: Grounds, zone: tzinfo) -> Sheet:
    """Every row as an application, or refused; EdgeError when the file or its first line cannot be used.

    Days and times are those of `zone`.
    """
    text, encoding = _text(path)
    first, *others = LINE_END.split(text)
    between = max(",\t", key=first.count)
    try:
        titles = next(csv.reader([first], delimiter=between), [])
    except csv.Error as error:
        raise EdgeError("{path}: the first line names no columns: {why}", path=path, why=error) from error
    rows = _Rows(path.parent, _columns(path, titles), between, grounds, zone)
    lines = ((number, line) for number, line in enumerate(others, 2) if line.strip(f"{between} "))
    return Sheet([rows.take(number, line) for number, line in lines], encoding)


def write(path: Path, people: Iterable[Person], zone: tzinfo) -> None:
    """A list that `read` reads, but for photos, with what a spreadsheet shows besides as remarks; OSError.

    StoreError rather than put it in the place of anything but an earlier one.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = [column for column in COLUMNS if column != "photos"]
    writer.writerow([*columns, *REMARKS])
    head = codecs.BOM_UTF8 + text.getvalue().encode()
    for person in people:
        told = {**msgspec.to_builtins(person), **msgspec.to_builtins(person.bounds)}
        told["levels"] = BETWEEN.join(person.bounds.levels)
        for key in ("valid_from", "valid_until"):
            told[key] = forms.written(told[key], zone)
        cells = [str(told[title.removeprefix(REMARK)] or "") for title in (*columns, *REMARKS)]
        writer.writerow([safe(cell) for cell in cells])
    to, content = files.named(path), codecs.BOM_UTF8 + text.getvalue().encode()
    with contextlib.suppress(FileNotFoundError), to.open("rb") as before:
        if before.read(len(head)) not in (head, b""):
            raise files.foreign(path)
    files.replace(to, content)


class _Rows:
    """Takes rows; a number that stood before is refused."""

    def __init__(self, folder: Path, columns: list[str], between: str, grounds: Grounds, zone: tzinfo) -> None:
        self._folder, self._columns, self._between, self._grounds = folder, columns, between, grounds
        self._zone = zone
        self._numbers: dict[str, int] = {}

    def take(self, line_number: int, line: str) -> Application | Refusal:
        row: dict[str, str] = {}
        try:
            row |= self._row(line)
            applicant = self._applicant(row)
            before = self._numbers.setdefault(applicant.number, line_number)
            if before != line_number:
                text = "the number {number} stands in line {before} already"
                raise RefusedError(text, number=applicant.number, before=before, reason="number_twice")
            return Application(str(line_number), applicant, self._photos(row.get("photos", ""), applicant.number))
        except RefusedError as error:
            return Refusal(str(line_number), row.get("number", ""), row.get("name", ""), "", error)

    def _row(self, line: str) -> dict[str, str]:
        try:
            (fields,) = csv.reader([line], delimiter=self._between, strict=True)
        except (csv.Error, ValueError) as error:
            hint = "a row is one line, with quotation marks in pairs"
            raise RefusedError("this is no row: {why}", hint, why=error, reason="bad_row") from error
        if len(fields) != len(self._columns):
            text, counts = "there are {found} fields; the first line names {wanted}", (len(fields), len(self._columns))
            raise RefusedError(text, found=counts[0], wanted=counts[1], reason="bad_row")
        return {column: field.strip() for column, field in zip(self._columns, fields, strict=True)}

    def _applicant(self, row: dict[str, str]) -> Applicant:
        grounds = self._grounds
        said = Applicant(
            name=_field(row, "name", forms.line),
            consent=Consent(
                _field(row, "consent", forms.line, grounds.consent),
                _field(row, "purpose", forms.line, grounds.purpose),
                _field(row, "retain_until", partial(forms.last_day, zone=self._zone), grounds.retain_until),
            ),
            number=_field(row, "number", forms.line),
            bounds=_bounds(row, grounds.bounds, self._zone),
            another=_field(row, "another", forms.line) if row.get("another") else "",
        )
        return forms.kept_as_long(said, self._zone)

    def _photos(self, named: str, number: str) -> tuple[Path, ...]:
        """As the row names them; otherwise a folder or files beside the list that are called like the number."""
        parts = [part.strip() for part in named.split(BETWEEN) if part.strip()]
        paths = [self._folder / part for part in parts] if parts else self._beside.get(number, [])
        try:
            photos = [photo for path in paths for photo in (photos_in(path) if path.is_dir() else [path])]
        except (OSError, ValueError) as error:  # a name that no file can have, say
            raise RefusedError("{name} cannot be read: {why}", name=named, why=error, reason="no_photo") from error
        if not photos:
            hint = "name them in the column photos, or call them {number}.jpg"
            raise RefusedError("there is no photo", hint, number=number, reason="no_photo")
        return tuple(photos)

    @cached_property
    def _beside(self) -> dict[str, list[Path]]:
        """What lies beside the list, by its name without the kind of file."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self._folder.iterdir()):
            found.setdefault(path.name if path.is_dir() else path.stem, []).append(path)
        return found


def _bounds(row: dict[str, str], otherwise: Bounds, zone: tzinfo) -> Bounds:
    begin, end = partial(forms.begin, zone=zone), partial(forms.end, zone=zone)
    levels = tuple(level.strip() for level in row.get("levels", "").split(BETWEEN) if level.strip())
    return forms.bounds(
        levels or otherwise.levels,
        _field(row, "valid_from", begin) if row.get("valid_from") else otherwise.valid_from,
        _field(row, "valid_until", end) if row.get("valid_until") else otherwise.valid_until,
        _field(row, "host", forms.line) if row.get("host") else otherwise.host,
    )


def _field(row: dict[str, str], column: str, parse: Callable[[str], T], otherwise: str = "") -> T:
    text = row.get(column) or otherwise
    if not text:
        raise RefusedError("{column} is missing", column=column, reason="missing_field")
    try:
        return parse(text)
    except RefusedError as error:
        raise RefusedError("{column}: {why}", column=column, why=error, reason=error.reason) from error


def _columns(path: Path, titles: list[str]) -> list[str]:
    """The columns in the order of the first line; EdgeError names those that are not known, lacking or there twice."""
    names = {title: column for column, others in COLUMNS.items() for title in (column, *others)}
    plain = [title.strip().casefold().replace(" ", "_") for title in titles]
    strange = [title for title in plain if title not in names and not title.startswith(REMARK)]
    found = [names.get(title, title) for title in plain]
    hint, known = "the columns are: {known}; one whose name begins with # is left alone", ", ".join(COLUMNS)
    if strange:
        text = "{path}: these columns are not known: {names}"
        raise EdgeError(
            text, hint, path=path, names=", ".join(_nearest(title, names) for title in strange), known=known
        )
    lacking = [column for column in NEEDED if column not in found]
    if lacking:
        raise EdgeError(
            "{path}: these columns are lacking: {names}", hint, path=path, names=", ".join(lacking), known=known
        )
    if twice := sorted({column for column in found if found.count(column) > 1 and column in COLUMNS}):
        raise EdgeError("{path}: these columns are there twice: {names}", path=path, names=", ".join(twice))
    return found


def _nearest(title: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(title, names, n=1)
    return f"{title!r} ({near[0]}?)" if near else repr(title)


def _text(path: Path) -> tuple[str, str]:
    """The text of a file and its encoding: a mark at the beginning tells, else UTF-8 or, if it is not that, GB18030."""
    try:
        with files.begin(path) as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise EdgeError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    if len(data) > LARGEST_BYTES:
        limit = LARGEST_BYTES // 1_000_000
        raise EdgeError("{path} is larger than {limit} MB", "is it a list of people?", path=path, limit=limit)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encodings = ["utf-16"] if wide else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(encoding), encoding.removesuffix("-sig")
    hint = "save it as CSV in UTF-8"
    raise EdgeError("{path} is text in neither UTF-8 nor GB18030", hint, path=path)
