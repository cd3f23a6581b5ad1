"""python -m inference COMMAND; ``--help`` names the commands."""

import sys

from inference.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
