"""Tell the supervisor how this process is: systemd's notify protocol (sd_notify(3)), nothing without a supervisor."""

import os
import socket


def notify(*lines: str) -> None:
    """Send state lines such as `READY=1`. A supervisor that does not listen is not this process's problem."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        try:
            sender.sendto("\n".join(lines).encode(), target)
        except OSError:
            return


def ready() -> None:
    """The process does its work from now on."""
    notify("READY=1")


def watchdog() -> None:
    """Real progress was made since the last call."""
    notify("WATCHDOG=1")


def stopping() -> None:
    """The process ends because it was told to."""
    notify("STOPPING=1")
