"""Starts the command line: `python -m tfgan_suite COMMAND`."""

import sys

from tfgan_suite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
