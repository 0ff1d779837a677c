"""Messages in the reader's language: gettext, with the English template as message id.

The language is that of the locale; EDGE_GATE_LANGUAGE overrules it. Every Chinese locale reads zh_CN.
`scripts/messages` collects what is to be translated and compiles the catalogues.
"""

import functools
import gettext
import os
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


_catalogue = gettext.translation(DOMAIN, LOCALES, [language()], fallback=True)
_ = _catalogue.gettext


def N_(text: str) -> str:
    """Mark a text that is translated where it is shown."""
    return text


REASONS = (
    N_("Connection refused"),
    N_("Connection timed out"),
    N_("Device or resource busy"),
    N_("Is a directory"),
    N_("Name or service not known"),
    N_("Network is unreachable"),
    N_("No route to host"),
    N_("No space left on device"),
    N_("No such file or directory"),
    N_("Not a directory"),
    N_("Permission denied"),
    N_("Read-only file system"),
    N_("timed out"),
)
"""What the operating system says most often when something fails."""


def speak() -> None:
    """Have libraries that use gettext (the command line's) find their words in the same catalogue."""
    os.environ["LANGUAGE"] = language()
    gettext.bindtextdomain(DOMAIN, str(LOCALES))
    gettext.textdomain(DOMAIN)
