"""Fewer layers, teacher-labelled raw text, then gold text (TextBrewer: Yang et al. 2020).

FINKD_DATA=../shared/data python experiments/strategies/text_distill.py --seeds 1,2,3 --jobs 3
python experiments/strategies/text_distill.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("text-distill")
