"""A collection of pictures for evaluation: a directory or a zip file, read without being unpacked.

Pictures are known by their path inside it. Nothing of it is trusted: a picture is decoded in a process of its own.
"""

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Self

from edge.errors import EdgeError, PhotoError
from edge.photos import LARGEST_BYTES, Decoder
from edge.picture import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError)
"""How reading a member of a zip file fails: damaged, encrypted, or compressed in a way that is not known."""


class Collection:
    """The pictures of `path`, to be used with `with`; EdgeError when there are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive = _opened(path) if not path.is_dir() else None
        names = _members(self._archive) if self._archive else _files(path)
        self.names = sorted({name for name in names if _picture(PurePosixPath(name))})  # a zip may have one twice
        if not self.names:
            raise EdgeError("{path} holds no pictures", "name a directory or zip file with JPEG or PNG", path=path)
        self._decoder = Decoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.__exit__()
        if self._archive:
            self._archive.close()

    def image(self, name: str) -> Image:
        """One picture as BGR (h, w, 3); PhotoError when it cannot be used."""
        return self._decoder.image(name, self._content(name))

    def people(self) -> dict[str, list[str]]:
        """The pictures of each person, sorted; the person is the directory that they are in.

        EdgeError for two directories of one name: only who made them knows whether they are of one person.
        """
        found: dict[str, list[str]] = {}
        for name in self.names:
            if (folder := PurePosixPath(name).parent).name:
                of_person = found.setdefault(folder.name, [])
                if of_person and (other := PurePosixPath(of_person[0]).parent) != folder:
                    hint = "put the pictures of one person into one directory, and give two people two names"
                    text = "{path} has two directories of one name: {one} and {other}"
                    raise EdgeError(text, hint, path=self.path, one=other, other=folder)
                of_person.append(name)
        return found

    def _content(self, name: str) -> bytes:
        try:
            if self._archive is None:
                with (self.path / name).open("rb") as file:
                    return file.read(LARGEST_BYTES + 1)
            with self._archive.open(name) as member:
                return member.read(LARGEST_BYTES + 1)
        except UNREADABLE as error:
            raise PhotoError("{path} cannot be read: {why}", path=name, why=error) from error


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        hint = "name a directory or zip file with pictures"
        raise EdgeError("{path} cannot be read: {why}", hint, path=path, why=error.strerror) from error
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:  # the last for a version of zip that is not known
        hint = "name a directory or zip file with pictures"
        raise EdgeError("{path} is neither a directory nor a whole zip file", hint, path=path) from error


def _picture(name: PurePosixPath) -> bool:
    """Not what is hidden: an archive from macOS has, beside each picture, a `._` file of the same name without one."""
    return name.suffix.lower() in SUFFIXES and not name.name.startswith(".")


def _members(archive: zipfile.ZipFile) -> list[str]:
    return [member.filename for member in archive.infolist() if not member.is_dir()]


def _files(path: Path) -> list[str]:
    return [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
