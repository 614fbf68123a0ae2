"""Adapt the teacher, grow its vocabulary, distil in the domain (AdaLM: Yao et al. 2021).

FINKD_DATA=../shared/data python experiments/strategies/adalm.py --seeds 1,2,3 --jobs 3
python experiments/strategies/adalm.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("adalm")
