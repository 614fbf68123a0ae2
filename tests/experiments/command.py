"""``python -m tests.experiments.command`` is the command ``finkd``, also where no such script is installed."""

import sys

from finkd.experiments.cli import main

if __name__ == "__main__":
    sys.argv[0] = "finkd"
    main()
