"""A domain vocabulary before distil, adapt, distil.

FINKD_DATA=../shared/data python experiments/strategies/vocabulary_first.py --seeds 1,2,3 --jobs 3
python experiments/strategies/vocabulary_first.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("vocabulary-first")
