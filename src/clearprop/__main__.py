"""``python -m clearprop``, and the command ``clearprop``: small, so that Ctrl-C finds it ready."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; Ctrl-C while it is still being imported ends it without a traceback."""
    try:
        from clearprop.cli import main as run  # the import takes longest

        return run()
    except KeyboardInterrupt:
        print("clearprop: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
