"""Every failure that a person can mend, with how to mend it.

An `EdgeError` carries a message template, its fields and a hint. The command line translates template and
hint; `str()` is the English text. Bugs are not EdgeErrors: they end the process and the supervisor restarts it.
"""

from collections.abc import Callable
from typing import Self

Translate = Callable[[str], str]


class Phrase:
    """A part of a message that is translated on its own: an English format string over its fields."""

    def __init__(self, template: str, **fields: object) -> None:
        self.template, self.fields = template, fields

    def __str__(self) -> str:
        return self.render(str)

    def render(self, translate: Translate) -> str:
        """The text after `translate` (a gettext function) was applied to the template and to the parts in it."""
        texts = {name: _rendered(name, field, translate) for name, field in self.fields.items()}
        return translate(self.template).format(**texts) if self.template else ""  # gettext has a header under ""


def _rendered(name: str, field: object, translate: Translate) -> object:
    """A part of its own is translated; so is a reason that the system gave, `why`, if it is a known one."""
    if isinstance(field, Phrase | EdgeError):
        return field.render(translate)
    return translate(field) if name == "why" and isinstance(field, str) and field else field


def in_english(template: str, **fields: object) -> str:
    """A message for an event, a state or a log: these have one language, and a reader knows it again by its shape."""
    return str(Phrase(template, **fields))


class EdgeError(Exception):
    """A failure with a reason and a way to mend it.

    `template` and `hint` are English format strings over `fields`; both are gettext message ids.
    """

    def __init__(self, template: str, hint: str = "", **fields: object) -> None:
        super().__init__(template, hint, fields)
        self.template, self.hint, self.fields = template, hint, fields

    @classmethod
    def retold(cls, template: str, hint: str, fields: dict[str, str]) -> Self:
        """An error that another process of ours has told."""
        return cls(template, hint, **fields)

    def __str__(self) -> str:
        return self.render(str)

    def render(self, translate: Translate) -> str:
        """The message and its hint after `translate` (a gettext function) was applied to the templates."""
        return "\n".join(part.render(translate) for part in (self.message, self.advice) if part.template)

    @property
    def message(self) -> Phrase:
        """What failed."""
        return Phrase(self.template, **self.fields)

    @property
    def advice(self) -> Phrase:
        """How to mend it."""
        return Phrase(self.hint, **self.fields)


class ConfigurationError(EdgeError):
    """The configuration file cannot be used; it lists every problem, not the first one."""

    def __init__(self, path: object, problems: list[EdgeError]) -> None:
        super().__init__("{path}: {count} problem(s) in the configuration", path=path, count=len(problems))
        self.problems = problems

    def render(self, translate: Translate) -> str:
        lines = [problem.render(translate).replace("\n", "\n    ") for problem in self.problems]
        return "\n".join([super().render(translate), *(f"  {line}" for line in lines)])


class ModelError(EdgeError):
    """A model or pack is missing, of the wrong size or hash, or does not compute what it should."""


class RefusedError(EdgeError):
    """One of many things that were handed in is refused; the rest may go on."""

    @property
    def reason(self) -> str:
        """Why, in a word for programs: the field of that name."""
        return str(self.fields.get("reason", "unreadable"))


class PhotoError(RefusedError):
    """An image cannot be used: unreadable, hostile, too large, or without exactly one good face."""


class StoreError(EdgeError):
    """A database is missing, corrupt, full or of another version."""


class LinkError(EdgeError):
    """A peer over the network or a socket could not be reached or did not behave."""


class HardwareError(EdgeError):
    """A GPIO chip or line is missing, busy or misbehaves."""


class SealError(EdgeError):
    """A signature, seal or key is not what it must be."""


class OutdatedError(EdgeError):
    """The database of the desk is older than what the desk has issued: it would enrol anew who was revoked since."""
