"""Distil on general text, then adapt the student (Gordon and Duh 2020).

FINKD_DATA=../shared/data python experiments/strategies/distill_adapt.py --seeds 1,2,3 --jobs 3
python experiments/strategies/distill_adapt.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("distill-adapt")
