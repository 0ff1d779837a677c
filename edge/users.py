"""Which users the processes of a gate run as, so that a socket accepts its peers and nobody else."""

import contextlib
import os
import pwd

PEERS = {"eye": "edge-gate-eye", "relay": "edge-gate"}
"""Socket -> the user that connects to it: eyes to the gate, the gate to the relay guard."""


def peers(socket: str) -> frozenset[int]:
    """The numeric users that may connect to the socket: the service's user, and our own for development."""
    users = {os.geteuid()}
    with contextlib.suppress(KeyError):  # not installed as a service on this machine
        users.add(pwd.getpwnam(PEERS[socket]).pw_uid)
    return frozenset(users)
