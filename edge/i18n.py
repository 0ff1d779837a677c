"""Messages in the reader's language: gettext, with the English template as message id.

The language is that of the locale; EDGE_GATE_LANGUAGE overrules it. Every Chinese locale reads zh_CN.
`scripts/messages` collects what is to be translated and compiles the catalogues.
"""

import functools
import gettext
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

DOMAIN = "edge-gate"
LOCALES = Path(__file__).parent / "locale"
VARIABLES = ("EDGE_GATE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def language(environment: Mapping[str, str] = os.environ) -> str:
    """The language asked for, as gettext names it; `en` when none is."""
    wanted = next((value for name in VARIABLES if (value := environment.get(name))), "en")
    return "zh_CN" if wanted.lower().startswith("zh") else wanted


@functools.cache
def speaking(language: str) -> Callable[[str], str]:
    """What translates into a language, for those who speak to several people at once."""
    return gettext.translation(DOMAIN, LOCALES, [language], fallback=True).gettext


def messages(language: str) -> dict[str, str]:
    """Every message of a language's catalogue with its translation; none when we do not speak it."""
    file = LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    if not file.exists():
        return {}
    data = file.read_bytes()
    _magic, _version, number, texts, translations = struct.unpack_from("<5I", data)

    def text(table: int, place: int) -> str:
        length, begin = struct.unpack_from("<2I", data, table + 8 * place)
        return data[begin : begin + length].decode()

    return {text(texts, place): text(translations, place) for place in range(number) if text(texts, place)}


_catalogue = gettext.translation(DOMAIN, LOCALES, [language()], fallback=True)
_ = _catalogue.gettext


def N_(text: str) -> str:
    """Mark a text that is translated where it is shown."""
    return text


REASONS = (
    N_("Address already in use"),
    N_("Broken pipe"),
    N_("Cannot allocate memory"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("Device or resource busy"),
    N_("Disk quota exceeded"),
    N_("File exists"),
    N_("File name too long"),
    N_("File too large"),
    N_("Host is down"),
    N_("Input/output error"),
    N_("Invalid argument"),
    N_("Invalid data found when processing input"),
    N_("Is a directory"),
    N_("Name or service not known"),
    N_("Network is down"),
    N_("Network is unreachable"),
    N_("No route to host"),
    N_("No space left on device"),
    N_("No such device"),
    N_("No such device or address"),
    N_("No such file or directory"),
    N_("Not a directory"),
    N_("Operation not permitted"),
    N_("Permission denied"),
    N_("Read-only file system"),
    N_("Temporary failure in name resolution"),
    N_("Text file busy"),
    N_("Too many open files"),
    N_("timed out"),
    N_("[Errno {number}] {why}"),
)
"""What the operating system says most often when something fails."""


def speak() -> None:
    """Have libraries that use gettext (the command line's) find their words in the same catalogue."""
    os.environ["LANGUAGE"] = language()
    gettext.bindtextdomain(DOMAIN, str(LOCALES))
    gettext.textdomain(DOMAIN)
