"""A backup of the desk put back in its places: all of it or nothing, whatever ends it half-way."""

import contextlib
import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import msgspec
import pyrage

from edge import files
from edge.authority import OFFICE
from edge.backup import CARD, DATABASES, DAY, FORMAT, RESTORED, RESTORING, Card, identity_of, pipe
from edge.config import Credentials, DeskConfig
from edge.errors import SealError, StoreError
from edge.office import Office
from edge.seal import Seal
from edge.whitelist import FILE, KEY, Whitelist

SCRATCH = ".restore-"
KEPT = (*DATABASES, DAY)
BESIDE = ("-wal", "-shm")
"""What SQLite has beside a database that is in use; it would read an old one into the database that is put there."""


class Plan(Card, frozen=True, kw_only=True):
    """What a restore puts where: the SHA-256 of each file by its path. It stands in `RESTORING` until all are there."""

    parts: dict[str, str]


def restore(config: DeskConfig, credentials: Credentials, source: Path, identity: str) -> Card:
    """Put the databases and keys of a backup in their places, which must be empty: all of them or none.

    What one that was killed has left there goes first. The desk does not run from them before `edge-gate desk recover`
    has learned what happened since.
    """
    try:
        with _all_or_nothing(config.state):
            with _scratch(config.state) as scratch:
                _unsealed(source, identity, scratch)
                card = _card(scratch, config.desk.site)
                _whole(scratch)
                _undo(config.state)
                _put(scratch, config, credentials, card)
            (config.state / RESTORING).rename(config.state / RESTORED)  # not before no other copy of the keys is left
            files.sync(config.state)
    except OSError as error:
        hint = "see that there is room on the disk, and that this user may write there"
        raise StoreError("the backup cannot be restored: {why}", hint, why=error) from error
    return card


@contextlib.contextmanager
def _all_or_nothing(state: Path) -> Iterator[None]:
    """One restore at a time; of one that fails nothing stays, nor a directory that was made for it."""
    made = [each for each in (state, *state.parents) if not each.exists()]
    state.mkdir(parents=True, exist_ok=True)
    with files.alone(state):
        try:
            yield
        except BaseException:
            _undo(state)
            for each in made:
                with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
                    each.rmdir()
            raise


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """A folder to unpack in; that of a restore that was killed goes, with the keys that lie there in clear."""
    for left in directory.glob(f"{SCRATCH}*"):
        shutil.rmtree(left)
    with TemporaryDirectory(prefix=SCRATCH, dir=directory) as scratch:
        yield Path(scratch)


def _put(scratch: Path, config: DeskConfig, credentials: Credentials, card: Card) -> None:
    """Move everything to its place; nothing is replaced, which would be the second loss."""
    keys = {part: credentials.path(part.name) for part in sorted((scratch / "credentials").iterdir())}
    state = {part: config.state / part.name for part in sorted((scratch / "state").iterdir()) if part.name in KEPT}
    beside = [path.with_name(f"{path.name}{end}") for path in state.values() for end in BESIDE]
    for path in (*keys.values(), *state.values(), *beside):
        if path.exists():
            hint = "move it away first, with what lies beside it; a restore replaces nothing"
            raise StoreError("there is a file at {path} already", hint, path=path)
    credentials.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = {str(path.absolute()): _digest(part) for part, path in (keys | state).items()}
    plan = Plan(card.site, card.revision, card.taken_at, parts=parts)
    files.replace(config.state / RESTORING, msgspec.json.encode(plan), 0o644)  # the desk's user reads what root wrote
    for part, path in keys.items():
        files.replace(path, part.read_bytes())
    for part, path in state.items():
        files.give(part, config.state)
        part.replace(path)
    files.sync(config.state)


def _undo(state: Path) -> None:
    """Take away what a restore that did not come to its end has put; what somebody else has put there since stays."""
    try:
        plan = msgspec.json.decode((state / RESTORING).read_bytes(), type=Plan)
    except FileNotFoundError:
        return
    except ValueError as error:
        hint = "move all that is in {folder} away, then do it again: edge-gate desk restore"
        text = "{path} cannot be read: {why}"  # so nobody knows what else was put there
        raise StoreError(text, hint, path=state / RESTORING, folder=state, why=error) from error
    for name, digest in plan.parts.items():
        path = Path(name)
        files.draft(path).unlink(missing_ok=True)
        if path.is_file() and _digest(path) == digest and not _written(path):
            path.unlink()
            for end in BESIDE:
                path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
    (state / RESTORING).unlink()
    files.sync(state)


def _written(path: Path) -> bool:
    """Whether SQLite has something yet to be put into this file; a reader leaves nothing there."""
    log = path.with_name(f"{path.name}{BESIDE[0]}")
    return log.exists() and log.stat().st_size > 0


def _digest(path: Path) -> str:
    """What is in a file, which is then on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unsealed(source: Path, identity: str, into: Path) -> None:
    key = identity_of(identity)
    try:
        file = source.open("rb")
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=source, why=error.strerror) from error
    with file, pipe() as (read, write), ThreadPoolExecutor(1) as pool:

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
            known = member.name == CARD or folder == "credentials" or (folder == "state" and name in KEPT)
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
