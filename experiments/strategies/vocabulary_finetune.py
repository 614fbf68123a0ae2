"""A domain vocabulary, fine-tuned: what naive retokenization costs (Gee et al. 2022).

FINKD_DATA=../shared/data python experiments/strategies/vocabulary_finetune.py --seeds 1,2,3 --jobs 3
python experiments/strategies/vocabulary_finetune.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("vocabulary-finetune")
