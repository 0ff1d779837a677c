"""The desk's databases and keys in one file, sealed to a recovery key, and back again.

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
from edge.office import Office
from edge.seal import Seal
from edge.whitelist import FILE, KEY, Whitelist

KEY_FILE, PUBLIC = "backup.key", "backup.pub"
"""The recovery key, which is to lie in a safe, and its public half, a credential of the desk."""
FORMAT = 1
CARD = "backup.json"
DATABASES = (OFFICE, FILE)
"""In the order in which they are copied: what was issued is never ahead of who is enrolled."""
DAY = "last-day"
RESTORED = "restored.json"
"""In the state directory of a desk that has not yet learned what happened since its backup."""


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
    identity = _identity(path.read_text()) if begun else x25519.Identity.generate()
    if not begun:
        files.secret(path, f"{identity}\n".encode())
    files.publish(path, f"{identity.to_public()}\n".encode())


def _identity(text: str) -> x25519.Identity:
    try:
        return x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError as error:
        hint = "it is one line that begins with AGE-SECRET-KEY-1, made by edge-gate keys new backup"
        raise SealError("this is no recovery key", hint) from error


# Out --------------------------------------------------------------------------------------------------------------


def save(config: DeskConfig, credentials: Credentials, out: Path) -> Card:
    """Write a backup to `out`, which must not be there; the desk may go on meanwhile."""
    recipient = _recipient(credentials.path(PUBLIC))
    if out.exists():
        raise StoreError("there is a file at {path} already", "name another", path=out)
    Audit.of(config, credentials, write=True).note(Deed.BACKED_UP, "desk", file=out.name, recipient=recipient)
    draft = out.with_name(f".{out.name}.new")
    try:
        with TemporaryDirectory(prefix=".backup-", dir=config.state) as scratch:
            for name in DATABASES:
                files.copy(config.state / name, Path(scratch) / name)
            card = Card(config.desk.site, _revision(Path(scratch) / FILE, credentials), time.time())
            with files.fresh(draft) as file:
                _sealed(file, recipient, lambda archive: _fill(archive, card, config, credentials, Path(scratch)))
                os.fsync(file.fileno())
        draft.rename(out)
        files.sync(out.parent)
    except (OSError, sqlite3.Error, pyrage.EncryptError) as error:
        raise StoreError("the backup {path} cannot be written: {why}", path=out, why=error) from error
    finally:
        draft.unlink(missing_ok=True)
    return card


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
    with _pipe() as (read, write), ThreadPoolExecutor(1) as pool:

        def archived() -> None:
            with write, tarfile.open(fileobj=write, mode="w|") as archive:
                fill(archive)

        made = pool.submit(archived)
        try:
            pyrage.encrypt_io(read, file, [x25519.Recipient.from_str(recipient)])
        finally:
            read.close()  # an archive that nobody takes ends
        made.result()


# In ---------------------------------------------------------------------------------------------------------------


def restore(config: DeskConfig, credentials: Credentials, source: Path, identity: str) -> Card:
    """Put the databases and keys of a backup in their places, which must be empty: all of them or none.

    The desk does not run from them before `edge-gate desk recover` has learned what happened since.
    """
    try:
        with _unless_failed(config.state), TemporaryDirectory(prefix=".restore-", dir=config.state) as scratch:
            _unsealed(source, identity, Path(scratch))
            card = _card(Path(scratch), config.desk.site)
            _whole(Path(scratch))
            _put(Path(scratch), config, credentials, card)
    except OSError as error:
        hint = "see that there is room on the disk, and that this user may write there"
        raise StoreError("the backup cannot be restored: {why}", hint, why=error) from error
    return card


@contextlib.contextmanager
def _unless_failed(directory: Path) -> Iterator[None]:
    """Make a directory, with those above it; none that was made stays when what follows fails."""
    made = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for each in made:
            with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
                each.rmdir()
        raise


def _put(scratch: Path, config: DeskConfig, credentials: Credentials, card: Card) -> None:
    """Move everything to its place; nothing is replaced, which would be the second loss."""
    keys = {part: credentials.path(part.name) for part in sorted((scratch / "credentials").iterdir())}
    state = {part: config.state / part.name for part in sorted((scratch / "state").iterdir())}
    for path in (*keys.values(), *state.values()):
        if path.exists():
            hint = "move it away first, with what lies beside it; a restore replaces nothing"
            raise StoreError("there is a file at {path} already", hint, path=path)
    credentials.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _all_or_none([*state.values(), *keys.values(), config.state / RESTORED]):
        files.replace(config.state / RESTORED, msgspec.json.encode(card))
        for part, path in keys.items():
            files.replace(path, part.read_bytes())
        for part, path in state.items():
            files.make(path)  # with the owner that it is to have
            owner = path.stat()
            os.chown(part, owner.st_uid, owner.st_gid)
            part.replace(path)
        files.sync(config.state)


@contextlib.contextmanager
def _all_or_none(paths: list[Path]) -> Iterator[None]:
    """What is put at these paths, where nothing is yet, goes again when not all of it can be put there."""
    try:
        yield
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def pending(config: DeskConfig) -> Card | None:
    """The backup that this desk was restored from and has not recovered from, if there is one."""
    try:
        return msgspec.json.decode((config.state / RESTORED).read_bytes(), type=Card)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError("{path} cannot be read: {why}", path=config.state / RESTORED, why=error) from error


def _unsealed(source: Path, identity: str, into: Path) -> None:
    key = _identity(identity)
    try:
        file = source.open("rb")
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=source, why=error.strerror) from error
    with file, _pipe() as (read, write), ThreadPoolExecutor(1) as pool:

        def decrypted() -> None:
            with write:
                pyrage.decrypt_io(file, write, [key])

        done = pool.submit(decrypted)
        try:
            try:
                _extract(read, into)
            finally:
                read.close()  # whoever still writes ends
            done.result()
        except (pyrage.DecryptError, tarfile.TarError, OSError) as error:
            hint = "either the file was changed or cut off, or it was sealed to another key"
            raise SealError("{path} does not open with this recovery key", hint, path=source) from error


def _extract(read: IO[bytes], into: Path) -> None:
    """Take out what belongs to a backup, by its own name; nothing is put anywhere else."""
    for folder in ("state", "credentials"):
        (into / folder).mkdir(mode=0o700)
    with tarfile.open(fileobj=read, mode="r|") as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            known = member.name == CARD or folder == "credentials" or (folder == "state" and name in (*DATABASES, DAY))
            content = archive.extractfile(member) if known and member.isfile() and name not in ("", ".", "..") else None
            if content is None:
                raise StoreError("this is no backup of a desk: it holds {name}", name=member.name)
            with files.fresh(into / folder / name) as file:
                shutil.copyfileobj(content, file)
    while read.read(65_536):
        pass  # what stands after the archive's end is part of what the seal covers


def _card(folder: Path, site: str) -> Card:
    try:
        card = msgspec.json.decode((folder / CARD).read_bytes(), type=Card)
    except (OSError, ValueError) as error:
        raise StoreError("this is no backup of a desk: it holds no {name}", name=CARD) from error
    if card.format != FORMAT:
        hint = "restore it with a newer edge-gate"
        raise StoreError("its format {format} is not known here", hint, format=card.format)
    if card.site != site:
        raise StoreError("this is a backup of the site {theirs}, not of {ours}", theirs=card.site, ours=site)
    return card


def _whole(folder: Path) -> None:
    """The databases open with the key that came with them."""
    seal = Seal.load(folder / "credentials" / KEY)
    for name in DATABASES:
        if not (folder / "state" / name).exists():
            raise StoreError("this is no backup of a desk: it holds no {name}", name=name)
    Whitelist(folder / "state" / FILE, seal).changes(0)
    office = Office(folder / "state" / OFFICE, seal)
    office.content_keys()
    office.close()


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
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as read, os.fdopen(writing, "wb") as write:
        yield read, write
