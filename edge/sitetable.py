"""The calibration table that a site has put in the place of its pack's: one file, with where it comes from."""

import logging
import os
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from edge import files
from edge.errors import StoreError
from edge.matcher import Calibration

log = logging.getLogger(__name__)

NAME = "calibration.json"
"""In the state directory."""
TOLD = "calibration.told"
"""Beside it: the name of the table in use, so that a start is no change of it."""


class SiteTable(Struct, frozen=True):
    """Measured on `people` enrolled in whitelist revision `revision`, for the templates of `pack`."""

    pack: str
    made_at: datetime
    revision: int
    people: int
    calibration: Calibration

    @property
    def name(self) -> str:
        return f"site {self.made_at:%Y-%m-%dT%H:%M:%SZ}"


def stamp(state: Path) -> int:
    """Changes whenever the table does; 0 without one."""
    try:
        return (state / NAME).stat().st_mtime_ns
    except OSError:
        return 0


def read(state: Path, pack: str) -> SiteTable | None:
    """The table in use for this pack, or None; StoreError when the file is damaged or of another pack."""
    path = state / NAME
    hint = "make it again: edge-gate calibrate --apply; or go back to the pack's: edge-gate calibrate --withdraw"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=SiteTable)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", hint, path=path, why=error.strerror) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError("{path} is damaged: {why}", hint, path=path, why=error) from error
    if found.pack != pack or not _sound(found.calibration):
        raise StoreError("{path} is not a table for the model pack {pack}", hint, path=path, pack=pack)
    return found


def in_use(state: Path, pack: str, of_pack: Calibration) -> tuple[Calibration, str]:
    """The table that the site has put into use and its name, else the pack's, to which a damaged one falls back.

    The floor is that of the pack as it is now, which may have been measured again since.
    """
    try:
        site = read(state, pack)
    except StoreError as error:
        log.warning("%s", error)
        site = None
    return (_above(of_pack, site.calibration), site.name) if site else (of_pack, "pack")


def _above(of_pack: Calibration, table: Calibration) -> Calibration:
    """A table with no lower floor than the pack's."""
    floor = (max(own, of_pack.floor_at(rate)) for rate, own in zip(table.fmr, table.floor, strict=True))
    return structs.replace(table, floor=tuple(floor))


def told(state: Path) -> str:
    """The name of the table that the room was told of last."""
    try:
        return (state / TOLD).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return "pack"


def tell(state: Path, name: str) -> None:
    """Remember that; what cannot be remembered is told once more after the next start."""
    try:
        (state / TOLD).write_text(name, "utf-8")
    except OSError as error:
        log.warning("%s cannot be written: %s", state / TOLD, error.strerror)


def write(state: Path, table: SiteTable) -> None:
    """Put a table into use, whole or not at all."""
    path, draft = state / NAME, state / f".{NAME}.{os.getpid()}"
    try:
        files.make(draft)
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(table)))
        draft.replace(path)
    except OSError as error:
        raise StoreError("{path} cannot be written: {why}", path=path, why=error.strerror) from error


def withdraw(state: Path) -> bool:
    """Go back to the pack's table; whether there was another."""
    try:
        (state / NAME).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError("{path} cannot be written: {why}", path=state / NAME, why=error.strerror) from error
    return True


def _sound(table: Calibration) -> bool:
    """Whether thresholds can be read off it: scores ascend, rates descend, the pack's floor is there."""
    scores, rates, whole = table.scores, table.fmr, len(table.scores) == len(table.fmr) == len(table.floor) >= 2
    rising = all(one < other for one, other in pairwise(scores))
    falling = all(one > other > 0 for one, other in pairwise(rates))
    return whole and rising and falling and rates[0] < 1 and 0.5 <= table.spread <= 4
