"""``python -m tests.experiments.command`` is the command ``finkd``, also where no such script is installed.

With ``then`` between them, it takes several commands, up to the first that fails.
"""

import sys
from itertools import groupby

from finkd.experiments import cli


def main():
    """Carry out the commands one after another, in this process."""
    for is_then, words in groupby(sys.argv[1:], lambda word: word == "then"):
        if is_then:
            continue
        sys.argv = ["finkd", *words]
        try:
            cli.main()
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    main()
