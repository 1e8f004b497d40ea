"""Starts the command line: `python -m tfgan_suite COMMAND`."""

import sys

from tfgan_suite.cli.main import main
from tfgan_suite.utils import stderr_filter

if __name__ == "__main__":
    sys.exit(main(before_run=stderr_filter.start))
