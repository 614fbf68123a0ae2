"""None of them: fewer layers, fine-tuned (the baseline of every ordering).

FINKD_DATA=../shared/data python experiments/strategies/truncate_finetune.py --seeds 1,2,3 --jobs 3
python experiments/strategies/truncate_finetune.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("truncate-finetune")
