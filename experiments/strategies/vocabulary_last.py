"""A domain vocabulary after distil, adapt, distil.

FINKD_DATA=../shared/data python experiments/strategies/vocabulary_last.py --seeds 1,2,3 --jobs 3
python experiments/strategies/vocabulary_last.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("vocabulary-last")
