"""Temperature scaling: scores of entities that are as often right as they say."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import OUTSIDE
from finkd.inference.marginals import sequence_loss
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.models.model import Model

log = logging.getLogger(__name__)

_LEAST, _MOST = 0.05, 20.0
_NEAR = 0.1
"""Distance of logarithms from a bound within which the search has found none."""


def fit_temperature(model: AnyTagger, sentences: Sequence[Sentence]) -> float:
    """Return the temperature under which the tags of held-out sentences are most likely.

    Logits are divided by it; the tags that a model finds stay the same (temperature scaling: Guo et al., arXiv
    1706.04599, section 4.2, here for the likelihood of whole legal sequences).

    Args:
        model: a tagger, which has learned none of the sentences.
        sentences: with tags; those without are left out.

    Raises:
        ConfigError: if there is no entity, or one of a type that the model does not know.

    Example:
        >>> import finkd
        >>> sentences = finkd.load_corpus("sample").splits["validation"][:20]
        >>> fit_temperature(finkd.load_model("tagger"), sentences) > 0
        True
    """
    sentences = [sentence for sentence in sentences if sentence.tags is not None]
    tags = [sentence.tags or () for sentence in sentences]
    found = {tag for each in tags for tag in each}
    if not found - {OUTSIDE}:
        raise ConfigError("calibrate: there is no held-out entity; raise held_out")
    if unknown := sorted(found.difference(model.labels)):
        raise ConfigError(f"calibrate: the model has no label {unknown[0]!r}")
    scores = list(sentence_logits(sentences, model))
    return _best(lambda temperature: sequence_loss([each / temperature for each in scores], model.labels, tags))


def fit_temperature_to_teacher(
    model: AnyTagger, sentences: Sequence[Sentence], labels: npt.NDArray[np.float32], teacher_temperature: float = 1
) -> float:
    """Return the temperature under which a model's label distributions are nearest to its teacher's.

    That is the least mean divergence KL(teacher || student) over the words that both read.

    Args:
        model: a tagger, which has read none of the sentences.
        sentences: raw text.
        labels: (words, labels) scores of the teacher for all words; NaN for those that it does not read.
        teacher_temperature: what the teacher's scores are divided by first.

    Raises:
        ConfigError: if there is no word that both read.

    Example:
        A model that is its own teacher has temperature 1:

        >>> import finkd
        >>> sentences = finkd.load_corpus("sample").splits["validation"][:20]
        >>> model = finkd.load_model("tagger")
        >>> own = np.concatenate([*sentence_logits(sentences, model)])
        >>> round(fit_temperature_to_teacher(model, sentences, own), 2)
        1.0
    """
    scores = np.concatenate([np.zeros((0, len(model.labels)), np.float32), *sentence_logits(sentences, model)])
    covered = ~np.isnan(scores).any(axis=1) & ~np.isnan(labels).any(axis=1)
    if not covered.any():
        raise ConfigError("calibrate: there is no held-out word that teacher and student read")
    taught, own = softmax(labels[covered] / np.float64(teacher_temperature), axis=1), scores[covered].astype(np.float64)
    return _best(lambda temperature: -float((taught * log_softmax(own / temperature, axis=1)).sum(axis=1).mean()))


def _best(loss: Callable[[float], float]) -> float:
    """Return the temperature of the least loss; 1, with a warning, if it lies beyond what is searched."""
    bounds = math.log(_LEAST), math.log(_MOST)
    best = minimize_scalar(lambda exponent: loss(math.exp(exponent)), bounds=bounds, method="bounded").x
    if min(best - bounds[0], bounds[1] - best) < _NEAR:
        log.warning("calibrate: the held-out text does not tell how sure to be; the scores stay as they are")
        return 1.0
    log.info("calibrate: the temperature is %.2f", math.exp(best))
    return math.exp(best)


def with_temperature(model: Model, temperature: float) -> Model:
    """Return a copy whose logits are divided by a temperature, so that every runtime and format has calibrated scores.

    Args:
        model: a tagger; not changed.
        temperature: above 0.
    """
    scaled = model.copied()
    with torch.no_grad():
        for weight in scaled.tagging_head.parameters():
            weight.div_(temperature)
    return scaled
