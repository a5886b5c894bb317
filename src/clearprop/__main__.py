"""``python -m clearprop``, and the command ``clearprop``: small, so that Ctrl-C finds it ready."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line; Ctrl-C while it is still being imported ends it without a traceback."""
    try:
        from clearprop.cli import main as run  # the import takes longest

        code = run()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and done but leaving
        return code
    except KeyboardInterrupt:
        print("clearprop: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
