"""Files of a gate's state: for the user that the gate runs as and nobody else, also when root makes them."""

import contextlib
import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edge.errors import StoreError

LONGEST_TEXT = 16_000_000
"""Bytes that nobody writes by hand; a device that never ends would fill the memory."""


def make(path: Path) -> None:
    """See that there is a file, with its directory; a new one is empty and belongs to the owner of the directory.

    OSError when it cannot be made. One that is there is left as it is: root gives away nothing that it did not make,
    because whoever owns the directory could have put a link to another file in its place.
    """
    folder(path.parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    _give(handle, path.parent)


def folder(path: Path) -> None:
    """See that there is a directory, with those above it; a new one belongs to the owner of the one above, too."""
    if path.is_dir():
        return
    folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():  # else somebody else has made it at this moment
            raise
    else:
        _give(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), path.parent)


def _give(handle: int, directory: Path) -> None:
    """Close what was made in a directory; if root has, it is now its owner's."""
    try:
        if os.geteuid() == 0:
            owner = directory.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
    finally:
        os.close(handle)


def give(path: Path, directory: Path) -> None:
    """Have a file that is to be put into a directory belong to its owner, if root has made it."""
    _give(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), directory)


def secret(path: Path, content: bytes) -> None:
    """Write a new file that only its owner reads; FileExistsError rather than replace one.

    It is whole and on the disk, or not there at all: half a key would stand in the way of a whole one for ever.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.parent):  # between the look and the name nobody else makes one
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        replace(path, content)


def unpublished(key: Path) -> bool:
    """Whether there is a private key, but not its public half: what made them was ended between the two."""
    return key.exists() and not key.with_suffix(".pub").exists()


def publish(key: Path, public: bytes) -> None:
    """Put the public half of the key at `key` beside it."""
    replace(key.with_suffix(".pub"), public, 0o644)


def fresh(path: Path) -> BinaryIO:
    """A new file, open, that only its owner reads; FileExistsError when there is one."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def draft(path: Path) -> Path:
    """Where a file is written before it takes its place; one that lies there is of somebody who was killed."""
    return path.with_name(f".{path.name}.new")


def replace(path: Path, content: bytes, mode: int | None = None) -> None:
    """Have `content` at `path`, on the disk, or what was there before: never half of it.

    It has the owner and mode of the file that was there, or this `mode`; a new one is for its maker alone.
    """
    new = draft(path)
    new.unlink(missing_ok=True)  # also a link to elsewhere, in a directory whose owner is not the one who writes
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if before := _heir(path):
                _inherit(file.fileno(), before, keep_mode=mode is None)
            os.fsync(file.fileno())
        new.rename(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync(path.parent)


def _heir(path: Path) -> os.stat_result | None:
    """What was at `path`, if its owner may have what takes its place.

    They own the directory, too: in a shared one somebody could have put a file there to be given what root writes.
    """
    try:
        before = path.lstat()
    except FileNotFoundError:
        return None
    theirs = before.st_uid == path.parent.stat().st_uid and os.geteuid() in (0, before.st_uid)
    return before if stat.S_ISREG(before.st_mode) and theirs else None


def _inherit(handle: int, before: os.stat_result, keep_mode: bool) -> None:
    if os.geteuid() == 0:
        os.fchown(handle, before.st_uid, before.st_gid)
    if keep_mode:
        os.fchmod(handle, before.st_mode & 0o777)


def named(path: Path) -> Path:
    """Where a file is that somebody named, beyond links, which stay; StoreError when it is there and no regular one."""
    try:
        regular = not path.exists() or path.is_file()
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    if not regular:
        raise StoreError("{path} is no file, and is left as it is", "name another", path=path)
    return Path(os.path.realpath(path))


def foreign(path: Path) -> StoreError:
    """Something else is there than what is to take its place."""
    hint = "name another, or move it away"
    return StoreError("{path} is there already, and holds something else", hint, path=path)


def sync(directory: Path) -> None:
    """The name of a file is on the disk only when its directory is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def database(path: Path, mode: str = "rw") -> contextlib.closing[sqlite3.Connection]:
    """An SQLite file that is there already, for a `with`: a statement is a transaction unless one is begun."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return contextlib.closing(sqlite3.connect(address, uri=True, timeout=5.0, isolation_level=None))


def copy(path: Path, to: Path) -> None:
    """One moment of an SQLite file, in a new one, while others write to it (SQLite's online backup)."""
    with database(path, "ro") as source, contextlib.closing(sqlite3.connect(to)) as target:
        source.backup(target)


def begin(path: Path) -> BinaryIO:
    """Open a file that somebody named, to read it; a pipe that nobody writes to is empty, and not waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(handle, True)
    return os.fdopen(handle, "rb")


def text(path: Path) -> str:
    """What stands in a file that somebody has written and named; StoreError when too long, ValueError when no text."""
    with begin(path) as file:
        content = file.read(LONGEST_TEXT + 1)
    if len(content) > LONGEST_TEXT:
        raise StoreError("{path} has more than {limit} bytes", "name another", path=path, limit=LONGEST_TEXT)
    return content.decode("utf-8-sig")


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One at a time of all who say so of this directory, in any process or thread."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def held(directory: Path) -> bool:
    """Whether somebody is `alone` in this directory: nobody who was killed is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def there(path: Path) -> bool:
    """Whether there is such a file; StoreError when this user may not even look."""
    try:
        return path.exists()
    except OSError as error:
        hint = (
            "run this as the user of the gate: sudo -u edge-gate edge-gate ..."
            if isinstance(error, PermissionError)
            else ""
        )
        raise StoreError("{path} cannot be read: {why}", hint, path=path, why=error.strerror) from error
