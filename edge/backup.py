"""The desk's databases and keys in one file, sealed to a recovery key.

The file is a tar archive in the age format (age-encryption.org/v1, X25519), so `age -d -i backup.key` opens it too.
It is sealed with the public half: a machine that makes backups every night holds nothing that opens them.
"""

import contextlib
import io
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import msgspec
import pyrage
from msgspec import Struct
from pyrage import x25519

from edge import files
from edge.audit import Audit
from edge.authority import OFFICE
from edge.config import Credentials, DeskConfig
from edge.errors import SealError, StoreError
from edge.journal import Deed
from edge.seal import Seal
from edge.whitelist import FILE, KEY, Whitelist

KEY_FILE, PUBLIC = "backup.key", "backup.pub"
"""The recovery key, which is to lie in a safe, and its public half, a credential of the desk."""
FORMAT = 1
CARD = "backup.json"
DATABASES = (OFFICE, FILE)
"""In the order in which they are copied: what was issued is never ahead of who is enrolled."""
DAY = "last-day"
SCRATCH = ".backup-"
RESTORING, RESTORED = "restoring.json", "restored.json"
"""In the state directory of a desk that is being restored, and of one that has not yet learned what happened since."""


class Card(Struct, frozen=True):
    """What a backup is of. `revision` is that of the list, `taken_at` UTC in seconds."""

    site: str
    revision: int
    taken_at: float
    format: int = FORMAT


def new_recovery_key(path: Path) -> None:
    """Make a recovery key at `path` (mode 0600, never over another), and its public half at `path`.pub.

    One of which only the private half was written is completed.
    """
    begun = files.unpublished(path)
    identity = identity_of(path.read_text()) if begun else x25519.Identity.generate()
    if not begun:
        files.secret(path, f"{identity}\n".encode())
    files.publish(path, f"{identity.to_public()}\n".encode())


def identity_of(text: str) -> x25519.Identity:
    try:
        return x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError as error:
        hint = "it is one line that begins with AGE-SECRET-KEY-1, made by edge-gate keys new backup"
        raise SealError("this is no recovery key", hint) from error


# Out --------------------------------------------------------------------------------------------------------------


def save(config: DeskConfig, credentials: Credentials, out: Path) -> Card:
    """Write a backup to `out`, which must not be there; the desk may go on meanwhile."""
    recipient = _recipient(credentials.path(PUBLIC))
    pending(config)
    if out.exists():
        raise StoreError("there is a file at {path} already", "name another", path=out)
    Audit.of(config, credentials, write=True).note(Deed.BACKED_UP, "desk", file=out.name, recipient=recipient)
    draft = files.draft(out)
    draft.unlink(missing_ok=True)  # of one that was killed
    try:
        with _scratch(config.state) as scratch:
            for name in DATABASES:
                files.copy(config.state / name, scratch / name)
            card = Card(config.desk.site, _revision(scratch / FILE, credentials), time.time())
            with files.fresh(draft) as file:
                _sealed(file, recipient, lambda archive: _fill(archive, card, config, credentials, scratch))
                os.fsync(file.fileno())
        draft.rename(out)
        files.sync(out.parent)
    except (OSError, sqlite3.Error, pyrage.EncryptError) as error:
        raise StoreError("the backup {path} cannot be written: {why}", path=out, why=error) from error
    finally:
        draft.unlink(missing_ok=True)
    return card


@contextlib.contextmanager
def _scratch(state: Path) -> Iterator[Path]:
    """A folder to copy into. Those of backups that were killed go; that of one that still runs stays."""
    with contextlib.ExitStack() as kept:
        with files.alone(state):  # a folder that is not yet held is nobody's, so nobody else may be making one
            _clear(state)
            scratch = Path(kept.enter_context(TemporaryDirectory(prefix=SCRATCH, dir=state)))
            kept.enter_context(files.alone(scratch))
        yield scratch


def _clear(state: Path) -> None:
    for left in state.glob(f"{SCRATCH}*"):
        with contextlib.suppress(OSError):  # another user's, which keeps nobody from a backup
            if not files.held(left):
                shutil.rmtree(left)


def _fill(archive: tarfile.TarFile, card: Card, config: DeskConfig, credentials: Credentials, scratch: Path) -> None:
    content = msgspec.json.encode(card)
    head = tarfile.TarInfo(CARD)
    head.size, head.mode = len(content), 0o600
    archive.addfile(head, io.BytesIO(content))
    for name in DATABASES:
        archive.add(scratch / name, f"state/{name}")
    with contextlib.suppress(FileNotFoundError):
        archive.add(config.state / DAY, f"state/{DAY}")
    with files.alone(credentials.directory):  # a signing key that is rotated meanwhile is a pair all the same
        for path in sorted(credentials.directory.iterdir()):
            if path.is_file() and path.name != KEY_FILE:
                archive.add(path, f"credentials/{path.name}")


def _revision(copy: Path, credentials: Credentials) -> int:
    return Whitelist(copy, Seal.load(credentials.path(KEY))).revision()


def _sealed(file: IO[bytes], recipient: str, fill: Callable[[tarfile.TarFile], None]) -> None:
    """Archive and encrypt at once: nothing lies about in the clear, and memory does not grow with the databases."""
    with pipe() as (read, write), ThreadPoolExecutor(1) as pool:

        def archived() -> None:
            with write, tarfile.open(fileobj=write, mode="w|") as archive:
                fill(archive)

        made = pool.submit(archived)
        try:
            pyrage.encrypt_io(read, file, [x25519.Recipient.from_str(recipient)])
        finally:
            read.close()  # an archive that nobody takes ends
        made.result()


def pending(config: DeskConfig) -> Card | None:
    """The backup that this desk was restored from and has not recovered from, if there is one.

    StoreError when not all of it is in its place, and nothing may be made of what is.
    """
    if (config.state / RESTORING).exists():
        hint = "do it again: edge-gate desk restore"
        raise StoreError("a restore of this desk was ended before it was done", hint)
    try:
        return msgspec.json.decode((config.state / RESTORED).read_bytes(), type=Card)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError("{path} cannot be read: {why}", path=config.state / RESTORED, why=error) from error


def _recipient(path: Path) -> str:
    try:
        text = path.read_text().strip()
        return str(x25519.Recipient.from_str(text))
    except OSError as error:
        hint = "make the recovery key with edge-gate keys new backup, and keep {key} in a safe"
        raise SealError("no key at {path}: {why}", hint, path=path, why=error.strerror, key=KEY_FILE) from error
    except (ValueError, pyrage.RecipientError) as error:
        raise SealError("{path} is no public half of a recovery key", path=path) from error


@contextlib.contextmanager
def pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as read, os.fdopen(writing, "wb") as write:
        yield read, write
