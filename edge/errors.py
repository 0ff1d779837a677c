"""Every failure that a person can mend, with how to mend it.

An `EdgeError` carries a message template, its fields and a hint. The command line translates template and
hint; `str()` is the English text. Bugs are not EdgeErrors: they end the process and the supervisor restarts it.
"""


from collections.abc import Callable

Translate = Callable[[str], str]


class EdgeError(Exception):
    """A failure with a reason and a way to mend it.

    `template` and `hint` are English format strings over `fields`; both are gettext message ids.
    """

    def __init__(self, template: str, hint: str = "", **fields: object) -> None:
        super().__init__(template, hint, fields)
        self.template, self.hint, self.fields = template, hint, fields

    def __str__(self) -> str:
        return self.render(lambda text: text)

    def render(self, translate: Translate) -> str:
        """The message and its hint after `translate` (a gettext function) was applied to the templates."""
        parts = [translate(part) for part in (self.template, self.hint) if part]
        return "\n".join(part.format(**self.fields) for part in parts)


class ConfigurationError(EdgeError):
    """The configuration file cannot be used; it lists every problem, not the first one."""

    def __init__(self, path: object, problems: list[EdgeError]) -> None:
        super().__init__("{path}: {count} problem(s) in the configuration", path=path, count=len(problems))
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


class ModelError(EdgeError):
    """A model or pack is missing, of the wrong size or hash, or does not compute what it should."""


class PhotoError(EdgeError):
    """An image cannot be used: unreadable, hostile, too large, or without exactly one good face."""


class StoreError(EdgeError):
    """A database is missing, corrupt, full or of another version."""


class LinkError(EdgeError):
    """A peer over the network or a socket could not be reached or did not behave."""


class HardwareError(EdgeError):
    """A GPIO chip or line is missing, busy or misbehaves."""


class SealError(EdgeError):
    """A signature, seal or key is not what it must be."""
