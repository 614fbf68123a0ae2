"""TinyBERT's two stages: general text, then the task (Jiao et al. 2019).

FINKD_DATA=../shared/data python experiments/strategies/tinybert.py --seeds 1,2,3 --jobs 3
python experiments/strategies/tinybert.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("tinybert")
