"""Adapt only: continued masked-LM on domain text, then fine-tuning (Gururangan et al. 2020).

FINKD_DATA=../shared/data python experiments/strategies/adapt_finetune.py --seeds 1,2,3 --jobs 3
python experiments/strategies/adapt_finetune.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("adapt-finetune")
