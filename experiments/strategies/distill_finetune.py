"""Distil only: hidden states of the teacher on general text, then fine-tuning (Sanh et al. 2019).

FINKD_DATA=../shared/data python experiments/strategies/distill_finetune.py --seeds 1,2,3 --jobs 3
python experiments/strategies/distill_finetune.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("distill-finetune")
