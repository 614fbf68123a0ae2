"""Former names of settings, stages, losses and the like, so that messages about them can say the new one."""

from __future__ import annotations

from collections.abc import Container, Mapping

FORMER_NAMES: Mapping[str, str] = {
    # stages
    "retokenize": "replace-vocabulary",
    "shrink": "truncate-layers",
    "compress:share": "compress:tie-layers",
    # losses, vocabulary maps, embedding transfers, recipes
    "word-kl": "word-logits-kl",
    "span-hidden": "aligned-hidden-states",
    "universal-logits": "uld",
    "edit-distance": "mined",
    "hybrid": "uld-hybrid",
    "masked-likelihood": "alm",
    "retokenisation": "retokenization",
    "mean": "fvt",
    "words-and-states": "word-logits-and-hidden-states",
    # strategies
    "shrink-finetune": "truncate-finetune",
    "retokenize-first": "vocabulary-first",
    "retokenize-between": "vocabulary-between",
    "retokenize-last": "vocabulary-last",
    # settings
    "keep_states": "cache_teacher_outputs",
    "lost_names": "entity_replacement",
    "balance": "gradient_norm_balancing",
    "share": "fraction",
    "confirm": "extra_splits",
    "floors": "baselines",
    "pieces": "top_k",
    "ways": "methods",
    "taught": "task_distillation",
    "fine_tuned": "from_fine_tuned",
}


def renamed(name: str, known: Container[str]) -> str | None:
    """Return the name that something has now, if ``name`` is a former one and the new one is among those known here.

    Example:
        >>> renamed("word-kl", {"word-logits-kl", "cross-entropy"})
        'word-logits-kl'
        >>> renamed("word-kl", {"exact"}) is None
        True
    """
    new = FORMER_NAMES.get(name)
    return new if new in known else None
