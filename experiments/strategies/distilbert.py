"""DistilBERT's triple loss on general text, then the teacher's labels (Sanh et al. 2019).

FINKD_DATA=../shared/data python experiments/strategies/distilbert.py --seeds 1,2,3 --jobs 3
python experiments/strategies/distilbert.py --tiny
"""

from finkd.experiments.strategies.script import main

if __name__ == "__main__":
    main("distilbert")
