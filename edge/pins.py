"""PINs: which may be chosen, what is kept of them, and what the rules compare.

Nobody keeps digits. A record has the PIN stretched by scrypt, and is sealed as a whole; a gate compares what was typed
under one more key that it makes at each start and forgets, so its fact log tells nothing. docs/decisions/0041 says what
each of the two is worth.
"""

import hashlib
import hmac
import secrets
from itertools import pairwise

from edge.errors import EdgeError

SHORTEST, LONGEST = 4, 8
COST = {"n": 2**14, "r": 8, "p": 1}
"""Of scrypt (RFC 7914): 16 MiB and 36 ms of an x86-64 core, which only whoever tries them all will notice."""
APART = 2
"""In so many digits a PIN under duress differs from the usual one: a slip of the finger must not raise the alarm."""


def formed(text: str) -> str:
    """The PIN, if it has the form of one, as every keypad can type it; EdgeError otherwise."""
    if not (text.isascii() and text.isdigit() and SHORTEST <= len(text) <= LONGEST):
        raise EdgeError("a PIN has {least} to {most} digits, and nothing else", least=SHORTEST, most=LONGEST)
    return text


def chosen(text: str) -> str:
    """The PIN, if it is one that may be used; EdgeError when it is not one, or is among those tried first."""
    formed(text)
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(text)}
    halves = text[: len(text) // 2], text[len(text) // 2 :]
    if steps in ({0}, {1}, {9}) or halves[0] == halves[1]:
        raise EdgeError("this PIN is among those that are tried first", "take one without a pattern")
    return text


def apart(pin: str, duress: str) -> str:
    """The PIN under duress, if nobody can take it for the usual one, nor type it by a slip."""
    if len(pin) != len(duress):
        raise EdgeError("the PIN under duress must be as long as the other", "who watches must not see a difference")
    if sum(a != b for a, b in zip(pin, duress, strict=True)) < APART:
        raise EdgeError("the PIN under duress must differ in two digits at least, so that no slip raises the alarm")
    return duress


def drawn(digits: int = 6) -> str:
    """A PIN by chance."""
    while True:
        text = "".join(secrets.choice("0123456789") for _ in range(digits))
        try:
            return chosen(text)
        except EdgeError:
            continue


def stretched(pin: str, site: str) -> str:
    """What a record of this site keeps of a PIN."""
    salt = f"edge-gate pin {site}".encode()
    return hashlib.scrypt(pin.encode(), salt=salt, dklen=16, **COST).hex()


class Blind:
    """What the rules compare: the same for the same PIN until the gate starts again, and of no use to anybody else."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def code(self, kept: str) -> str:
        """Of what is kept of a PIN; nothing of nothing."""
        return hmac.digest(self._key, kept.encode(), "sha256").hex()[:32] if kept else ""
