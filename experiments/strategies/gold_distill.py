"""Fewer layers, the teacher's labels and states on gold text (Hinton et al. 2015).

FINKD_DATA=../shared/data python experiments/strategies/gold_distill.py --seeds 1,2,3 --jobs 3
python experiments/strategies/gold_distill.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("gold-distill")
