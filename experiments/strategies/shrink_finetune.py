"""None of them: fewer layers, fine-tuned (the floor of every ordering).

FINKD_DATA=../shared/data python experiments/strategies/shrink_finetune.py --seeds 1,2,3 --jobs 3
python experiments/strategies/shrink_finetune.py --tiny
"""

from experiments.strategies.script import main

if __name__ == "__main__":
    main("shrink-finetune")
