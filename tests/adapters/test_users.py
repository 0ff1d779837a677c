"""Whom a socket of a gate takes."""

import os
import pwd

from edge.users import PEERS, peers


def test_the_users_that_a_socket_takes_are_the_services_and_our_own() -> None:
    there = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    for socket_, name in PEERS.items():
        assert peers(socket_) == {os.geteuid(), there.get(name, os.geteuid())}
