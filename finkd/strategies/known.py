"""Orderings that have a name. Each is one list of stages; a name stands for its stages within another's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownStrategy:
    """An ordering with the paper that it comes from.

    Attributes:
        text: the stages in the textual form.
        source: where the ordering was proposed.
    """

    text: str
    source: str


MASKED_TEACHER = KnownStrategy(
    "adapt(train=head)", "finkd; sentence encoders such as MiniLM come without a masked-LM head"
)
ADAPTED_TEACHER = KnownStrategy("masked-teacher > adapt", "Gururangan et al. 2020, arXiv 2004.10964")

FINETUNE = KnownStrategy("finetune", "Devlin et al. 2019, arXiv 1810.04805, section 4")
TRUNCATE_FINETUNE = KnownStrategy("truncate-layers > finetune", "Sajjad et al. 2020, arXiv 2004.03844")
GOLD_DISTILL = KnownStrategy("truncate-layers > task-distill:gold", "Hinton et al. 2015, arXiv 1503.02531")
TEXT_DISTILL = KnownStrategy(
    "truncate-layers > task-distill:text > task-distill:gold",
    "Yang et al. 2020 (TextBrewer), arXiv 2002.12620, section 4",
)
VOCABULARY_FINETUNE = KnownStrategy(
    "truncate-layers > replace-vocabulary > finetune",
    "Gee et al. 2022 (fast vocabulary transfer), EMNLP industry track",
)
VOCABULARY_GOLD_DISTILL = KnownStrategy(
    "truncate-layers > replace-vocabulary > task-distill:gold", "finkd; word-level KL across tokenizers"
)
VOCABULARY_TEXT_DISTILL = KnownStrategy(
    "truncate-layers > replace-vocabulary > task-distill:text(entity_replacement=4) > task-distill:gold",
    "finkd; word-level KL across tokenizers, and names that only the teacher's vocabulary holds (docs/log.md)",
)

GORDON_DUH = "Gordon and Duh 2020, arXiv 2003.02877"
_START = "masked-teacher > truncate-layers"
_GENERAL = "distill:general(teacher=masked-teacher)"
_DOMAIN = "adapt > distill:text(teacher=adapted-teacher)"
ADAPT_FINETUNE = KnownStrategy(f"{_START} > adapt > finetune", "Gururangan et al. 2020, arXiv 2004.10964")
DISTILL_FINETUNE = KnownStrategy(
    f"{_START} > {_GENERAL} > finetune", f"Sanh et al. 2019, arXiv 1910.01108; {GORDON_DUH}"
)
ADAPT_DISTILL = KnownStrategy(f"{_START} > adapt > distill:text(teacher=masked-teacher) > finetune", GORDON_DUH)
DISTILL_ADAPT = KnownStrategy(f"{_START} > {_GENERAL} > adapt > finetune", GORDON_DUH)
DISTILL_ADAPT_DISTILL = KnownStrategy(f"{_START} > {_GENERAL} > {_DOMAIN} > finetune", f"{GORDON_DUH}, their best")
DISTILL_ADAPT_DISTILL_UNADAPTED = KnownStrategy(
    f"{_START} > {_GENERAL} > adapt > distill:text(teacher=masked-teacher) > finetune", GORDON_DUH
)
_AFTER_GORDON_DUH = f"finkd; after {GORDON_DUH}"
VOCABULARY_FIRST = KnownStrategy(
    f"{_START} > replace-vocabulary > {_GENERAL} > {_DOMAIN} > finetune", _AFTER_GORDON_DUH
)
VOCABULARY_BETWEEN = KnownStrategy(
    f"{_START} > {_GENERAL} > replace-vocabulary > {_DOMAIN} > finetune", _AFTER_GORDON_DUH
)
VOCABULARY_LAST = KnownStrategy(f"{_START} > {_GENERAL} > {_DOMAIN} > replace-vocabulary > finetune", _AFTER_GORDON_DUH)
ADALM = KnownStrategy(
    "adapted-teacher > truncate-layers > replace-vocabulary(start=grow) > distill:text(teacher=adapted-teacher)"
    " > finetune",
    "Yao et al. 2021 (AdaLM), arXiv 2106.13474",
)
FAST_VOCABULARY_TRANSFER = KnownStrategy(
    "masked-teacher > truncate-layers > distill:general(teacher=masked-teacher, losses=fast-vocabulary-transfer)"
    " > replace-vocabulary(transfer=fvt) > distill:text(teacher=adapted-teacher, losses=fast-vocabulary-transfer)"
    " > finetune",
    "Gee et al. 2022 (fast vocabulary transfer), EMNLP industry track, section 3",
)
TINYBERT = KnownStrategy(
    "truncate-layers > distill:general(teacher=origin, losses=tinybert)"
    " > task-distill:gold(losses=tinybert, augment.copies=1)"
    " > task-distill:gold(losses=tinybert-labels, augment.copies=1)",
    "Jiao et al. 2019 (TinyBERT), arXiv 1909.10351, section 3, who make 20 copies",
)
MINILM = KnownStrategy(
    "truncate-layers > distill:general(teacher=origin, losses=minilm) > finetune",
    "Wang et al. 2020 (MiniLM v2), arXiv 2012.15828",
)
DISTILBERT = KnownStrategy(
    "masked-teacher > truncate-layers(token_types=false)"
    " > distill:general(teacher=masked-teacher, losses=distilbert, rarity=0.7) > task-distill:gold",
    "Sanh et al. 2019, arXiv 1910.01108, with the second distillation of its section 4",
)
