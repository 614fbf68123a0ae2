"""A domain vocabulary, teacher-labelled raw text with entity replacement, then gold text, across tokenizers.

FINKD_DATA=../shared/data python experiments/strategies/vocabulary_text_distill.py --seeds 1,2,3 --jobs 3
python experiments/strategies/vocabulary_text_distill.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("vocabulary-text-distill")
