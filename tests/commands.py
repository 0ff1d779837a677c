"""Running `edge-gate` as a person or a program does."""

import json
import os
import subprocess
import sys
from typing import Any

LANGUAGES = ("LC_", "LANG", "EDGE_GATE_")


def run(
    *arguments: object, stdin: str = "", stdout: Any = subprocess.PIPE, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with only these variables telling the language: English without any."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LANGUAGES)}
    command = [sys.executable, "-m", "edge.cli", *map(str, arguments)]
    env = {**kept, **environment}
    return subprocess.run(command, input=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True, env=env, timeout=300)


def answer(*arguments: object, status: int = 0) -> Any:
    """What a command tells a program: exactly one line of JSON, and nothing beside it."""
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (status, "", 1), done
    return json.loads(done.stdout)


def complaint(*arguments: object, status: int = 1) -> str:
    """What a command that fails tells a person; it says nothing else, and never how the program is built."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (status, ""), done
    assert "Traceback" not in done.stderr
    return done.stderr
