"""Run the processes of a gate as systemd would: ready in order, watched, restarted, made safe when they end.

For development, tests and the demonstration. A child that does not pet its watchdog in time is killed; after the
relay guard has ended in whatever way, its stop-post command drives the relays to their safe value. If the
supervisor itself dies, its children get SIGTERM from the kernel.
"""

import contextlib
import ctypes
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from edge.config import Config

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.2, 10.0
GOOD_AFTER_S = 60.0
"""A child that ran for so long starts again with the first backoff."""
READY_S, STOP_S = 30.0, 5.0
TURN_S = 0.05
PR_SET_PDEATHSIG = 1
"""prctl(2)"""
LIBC = ctypes.CDLL(None)

log = logging.getLogger(__name__)


class Child:
    """One process to be kept running: its command, its watchdog, what must be ready before, what to run afterwards."""

    def __init__(
        self,
        name: str,
        command: list[str],
        watchdog_s: float,
        after: "Child | None" = None,
        stop_post: list[str] | None = None,
    ) -> None:
        self.name, self.command, self.watchdog_s = name, command, watchdog_s
        self.after, self.stop_post = after, stop_post
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.start_at = 0.0
        self.output: IO[bytes] | None = None
        """Where it and its stop-post command write; where we do without one."""
        self._backoff_s = FIRST_BACKOFF_S
        self._started_at = self._sign_at = 0.0
        self._folder = tempfile.TemporaryDirectory(prefix="edge-gate-notify-")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.path.join(self._folder.name, "notify"))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def due(self, now: float) -> bool:
        """Whether it should be started."""
        return self.process is None and now >= self.start_at and (self.after is None or self.after.ready)

    def start(self, now: float) -> None:
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": self._socket.getsockname(),
            "WATCHDOG_USEC": str(round(self.watchdog_s * 1e6)),
        }
        self.hear(now)  # what the last one had still said is none of this one's
        self.ready, self._started_at, self._sign_at = False, now, now
        self.process = subprocess.Popen(
            self.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            preexec_fn=_die_with_parent,
        )

    def hear(self, now: float) -> None:
        """Take in what the process has notified."""
        with contextlib.suppress(BlockingIOError):
            while lines := self._socket.recv(4096).decode(errors="replace").split("\n"):
                self.ready = self.process is not None and (self.ready or "READY=1" in lines)
                self._sign_at = now

    def look(self, now: float) -> bool:
        """Kill the process if it gives no sign of life; True when it has just ended."""
        if self.process is None:
            return False
        if now - self._sign_at > (self.watchdog_s if self.ready else READY_S):
            self.process.kill()
        if self.process.poll() is None:
            return False
        self._backoff_s = FIRST_BACKOFF_S if now - self._started_at > GOOD_AFTER_S else self._backoff_s
        self.start_at = now + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)
        self.ended()
        return True

    def stop(self) -> None:
        """Ask it to end, then make it end."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.ended()

    def ended(self) -> None:
        self.process, self.ready = None, False
        if self.stop_post:
            said = {"stdout": self.output, "stderr": self.output}
            subprocess.run(self.stop_post, check=False, stdin=subprocess.DEVNULL, **said)  # type: ignore[call-overload]

    def close(self) -> None:
        self._socket.close()
        self._folder.cleanup()


def _die_with_parent() -> None:
    """Between fork and exec: the kernel sends SIGTERM when the supervisor is gone. Only a system call is made."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Keeps children running. The supervisor has one thread only, so that forking is safe."""

    def __init__(self, children: list[Child]) -> None:
        self.children = children
        self._stopped = False

    def run(self) -> None:
        """Start the children, each when what it comes after is ready; keep them until stopped, the last one first."""
        try:
            while not self._stopped:
                self.turn(TURN_S)
        finally:
            self.close()

    def close(self) -> None:
        """End the children, the last one first."""
        for child in reversed(self.children):
            child.stop()
            child.close()

    def stop(self) -> None:
        self._stopped = True

    def turn(self, seconds: float) -> None:
        """Wait that long for news, then do what is due."""
        heard, _, _ = select.select(self.children, [], [], seconds)
        now = time.monotonic()
        for child in heard:
            child.hear(now)
        for child in self.children:
            if child.look(now):
                log.warning("%s ended and is started again", child.name)
            if child.due(now):
                child.start(now)


def supervise(children: list[Child]) -> None:
    """Keep the children running until SIGTERM, SIGINT or SIGHUP."""
    supervisor = Supervisor(children)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.run()


def gate_children(file: Path, config: Config, credentials: Path | None) -> list[Child]:
    """The processes of a gate. It comes last: stopped first, it does not report the others' end as a fault."""
    common = ["--config", str(file)] + (["--credentials", str(credentials)] if credentials else [])
    run = [sys.executable, "-m", "edge.cli", "run", *common, "--role"]
    safe = [sys.executable, "-m", "edge.cli", "relay", "safe", "--config", str(file)]
    guards = [Child("relay", [*run, "relay"], watchdog_s=1.0, stop_post=safe)] if config.door else []
    gate = Child("gate", [*run, "gate"], watchdog_s=10.0, after=next(iter(guards), None))
    eyes = [Child(f"eye {c.name}", [*run, "eye", "--camera", c.name], watchdog_s=20.0) for c in config.camera]
    looks = [Child("look", [*run, "look"], watchdog_s=20.0)] if config.look.address else []
    return [*guards, *eyes, *looks, gate]
