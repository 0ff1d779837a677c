"""Which users the processes of a gate run as, so that a socket accepts its peers and nobody else."""

import contextlib
import os
import pwd

PEERS = {"eye": "edge-gate-eye", "relay": "edge-gate"}
"""Socket -> the user that connects to it: eyes to the gate, the gate to the relay guard."""


def group(socket: str) -> int:
    """The numeric group that may reach the socket's file, -1 where the users are not there."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(PEERS[socket]).pw_gid
    return -1


def peers(socket: str) -> frozenset[int]:
    """The numeric users that may connect to the socket: the service's user, and our own for development."""
    users = {os.geteuid()}
    with contextlib.suppress(KeyError):  # not installed as a service on this machine
        users.add(pwd.getpwnam(PEERS[socket]).pw_uid)
    return frozenset(users)
