"""Keys are whole or not there, also where a kill or a full disk ends it half-way; then the same is done again."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyrage import x25519

from edge import certificates
from edge.backup import new_recovery_key
from edge.errors import SealError
from edge.seal import load_key, load_secret, new_sealing_key, new_signing_key, own_signing_key
from edge.signet import make_pair, new_opening_pair, new_signing_pair, opening_public_of, public_of, read_key
from tests.conftest import fill

STEPS = {"open", "os.rename", "os.mkdir", "fcntl.flock"}
"""What the disk can see of the work."""
Make = Callable[[Path], object]


def signing(path: Path) -> object:
    return make_pair(path, new_signing_pair)


def opening(path: Path) -> object:
    return make_pair(path, new_opening_pair)


def authority(path: Path) -> object:
    return certificates.authority(path.parent)


def signing_whole(path: Path) -> bool:
    return read_key(path.with_suffix(".pub")) == public_of(read_key(path))


def opening_whole(path: Path) -> bool:
    return read_key(path.with_suffix(".pub")) == opening_public_of(read_key(path))


def jwk_whole(path: Path) -> bool:
    public = load_key(path.with_suffix(".pub"))
    return public.thumbprint() == load_key(path).thumbprint() and not public.is_private


def sealing_whole(path: Path) -> bool:
    return len(load_secret(path)) == 32


def recovery_whole(path: Path) -> bool:
    return (
        str(x25519.Identity.from_str(path.read_text().strip()).to_public()) == path.with_suffix(".pub").read_text()[:-1]
    )


def authority_whole(path: Path) -> bool:
    return bool(certificates.certified(path.parent, "gate-1", "gate.crt"))


KINDS: dict[str, tuple[Make, Callable[[Path], bool]]] = {
    "desk.key": (signing, signing_whole),
    "desk-open.key": (opening, opening_whole),
    "pass.jwk": (new_signing_key, jwk_whole),
    "recorder.jwk": (own_signing_key, jwk_whole),
    "whitelist.key": (new_sealing_key, sealing_whole),
    "backup.key": (new_recovery_key, recovery_whole),
    "ca.key": (authority, authority_whole),
}


def killed(make: Make, path: Path, steps: int) -> bool:
    """Whether making a key was ended by a kill before this step."""
    if not (child := os.fork()):
        left = steps

        def hear(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hear)
        make(path)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("name", KINDS)
def test_a_key_is_whole_when_it_is_made_again_after_a_kill_at_any_moment(tmp_path: Path, name: str) -> None:
    make, whole = KINDS[name]
    make(tmp_path / "first" / name)
    steps = 0
    while killed(make, path := tmp_path / str(steps) / name, steps):
        before = path.read_bytes() if path.exists() else b""
        try:
            make(path)
        except FileExistsError:
            assert before
        assert whole(path) and before in (b"", path.read_bytes())
        assert path.stat().st_mode & 0o777 == 0o600
        steps += 1
    assert steps > 2 and whole(path)


@pytest.mark.parametrize("name", KINDS)
def test_a_key_that_is_there_is_never_another(tmp_path: Path, name: str) -> None:
    make, _ = KINDS[name]
    path = tmp_path / "keys" / name
    make(path)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    if make not in (authority, own_signing_key):
        with pytest.raises(FileExistsError):
            make(path)
    make(tmp_path / "other" / name)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


@pytest.mark.real
@pytest.mark.parametrize("name", KINDS)
def test_nothing_stays_of_a_key_for_which_there_is_no_room(small_disk: Path, name: str) -> None:
    make, whole = KINDS[name]
    fill(small_disk / "full")
    with pytest.raises(OSError, match="space"):
        make(small_disk / name)
    assert [path.name for path in small_disk.iterdir()] == ["full"]
    (small_disk / "full").unlink()
    make(small_disk / name)
    assert whole(small_disk / name)


def test_half_a_key_of_an_older_program_is_told(tmp_path: Path) -> None:
    (tmp_path / "desk.key").touch()
    with pytest.raises(SealError, match="0 bytes"):
        signing(tmp_path / "desk.key")
