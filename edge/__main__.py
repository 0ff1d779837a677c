"""The command `edge-gate`, and `python -m edge`: while it is still loading, Ctrl-C ends it without a word."""

import signal


def main() -> None:
    """Load the command line, half of which is other people's, and run it."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # it may be ignored, as under nohup
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from edge.cli import main as command

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


if __name__ == "__main__":
    main()
