"""Attention relations of the last layer on general text (MiniLM v2: Wang et al. 2020).

FINKD_DATA=../shared/data python experiments/strategies/minilm.py --seeds 1,2,3 --jobs 3
python experiments/strategies/minilm.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("minilm")
