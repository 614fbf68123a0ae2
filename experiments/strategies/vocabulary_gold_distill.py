"""A domain vocabulary, the teacher's labels and states on gold text, across tokenizers.

FINKD_DATA=../shared/data python experiments/strategies/vocabulary_gold_distill.py --seeds 1,2,3 --jobs 3
python experiments/strategies/vocabulary_gold_distill.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("vocabulary-gold-distill")
