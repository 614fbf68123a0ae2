"""Orderings that have a name. Each is one list of stages."""

from finkd.strategies import Strategy

FINETUNE = Strategy("finetune", "Devlin et al. 2019, arXiv 1810.04805, section 4")
SHRINK_FINETUNE = Strategy("shrink > finetune", "Sajjad et al. 2020, arXiv 2004.03844")
GOLD_DISTILL = Strategy("shrink > task-distill:gold", "Hinton et al. 2015, arXiv 1503.02531")
TEXT_DISTILL = Strategy(
    "shrink > task-distill:text > task-distill:gold", "Yang et al. 2020 (TextBrewer), arXiv 2002.12620, section 4"
)
VOCABULARY_FINETUNE = Strategy(
    "shrink > retokenize > finetune", "Gee et al. 2022 (fast vocabulary transfer), EMNLP industry track"
)
VOCABULARY_GOLD_DISTILL = Strategy("shrink > retokenize > task-distill:gold", "finkd; word-level KL across tokenizers")
VOCABULARY_TEXT_DISTILL = Strategy(
    "shrink > retokenize > task-distill:text > task-distill:gold", "finkd; word-level KL across tokenizers"
)
