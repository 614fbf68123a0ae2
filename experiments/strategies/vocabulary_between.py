"""A domain vocabulary between the general distillation and the adaptation.

FINKD_DATA=../shared/data python experiments/strategies/vocabulary_between.py --seeds 1,2,3 --jobs 3
python experiments/strategies/vocabulary_between.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("vocabulary-between")
