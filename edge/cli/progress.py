"""Progress bars on standard error, for what takes long; nothing when a program reads or nobody watches."""

from rich.console import Console
from rich.progress import Progress


def progress(quiet: bool = False) -> Progress:
    """A rich progress display, to be used with `with`; empty when `quiet` (--json) or without a terminal."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
