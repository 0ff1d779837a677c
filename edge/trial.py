"""One pulse by hand, which ends whatever becomes of the process that began it.

A relay that latches stays as it was when its process is killed, and Ctrl-Z stops a process without a word to it.
So a child outside the terminal's reach holds the line as well, and lets go of it when the time is over or its
parent is gone.
"""

import os
import select
import time

from edge.lines import Outputs


def energise(held: Outputs, name: str, seconds: float) -> None:
    """Drive a line active for so long, then every line inactive and let go; HardwareError when the chip is gone.

    For a process of one thread.
    """
    from_parent, to_child = os.pipe()
    if not (child := os.fork()):
        os.close(to_child)
        _outlive(held, from_parent, seconds)
    os.close(from_parent)
    try:
        held.set(name, True)
        time.sleep(seconds)
    finally:
        os.close(to_child)
        held.close()
        os.waitpid(child, 0)


def _outlive(held: Outputs, parent: int, seconds: float) -> None:
    """The child's whole life."""
    try:
        os.setsid()
        select.select([parent], [], [], seconds)
    finally:
        try:
            held.close()
        finally:
            os._exit(0)
