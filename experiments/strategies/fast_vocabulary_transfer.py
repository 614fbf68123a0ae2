"""Distil on general text, mean embeddings, distil in the domain (Gee et al. 2022).

FINKD_DATA=../shared/data python experiments/strategies/fast_vocabulary_transfer.py --seeds 1,2,3 --jobs 3
python experiments/strategies/fast_vocabulary_transfer.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("fast-vocabulary-transfer")
