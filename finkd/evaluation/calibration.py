"""Temperature scaling: scores of entities that are as often right as they say."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from scipy.optimize import minimize_scalar

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.inference.marginals import sequence_loss
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.models.model import Model

_LEAST, _MOST = 0.05, 20.0


def fit_temperature(model: AnyTagger, sentences: Sequence[Sentence]) -> float:
    """Return the temperature under which the tags of held-out sentences are most likely.

    Logits are divided by it; the tags that a model finds stay the same (temperature scaling: Guo et al., arXiv
    1706.04599, section 4.2, here for the likelihood of whole legal sequences).

    Args:
        model: a tagger, which has learned none of the sentences.
        sentences: with tags.

    Raises:
        ConfigError: if there is no tagged word.

    Example:
        >>> import finkd
        >>> sentences = finkd.load_corpus("sample").splits["validation"][:20]
        >>> fit_temperature(finkd.load_model("tagger"), sentences) > 0
        True
    """
    tags = [sentence.tags or () for sentence in sentences]
    if not any(tags):
        raise ConfigError("calibrate: there is no held-out sentence with tags")
    scores = list(sentence_logits(sentences, model))

    def loss(exponent: float) -> float:
        return sequence_loss([each / math.exp(exponent) for each in scores], model.labels, tags)

    return math.exp(minimize_scalar(loss, bounds=(math.log(_LEAST), math.log(_MOST)), method="bounded").x)


def with_temperature(model: Model, temperature: float) -> Model:
    """Return a copy whose logits are divided by a temperature, so that every runtime and format has calibrated scores.

    Args:
        model: a tagger; not changed.
        temperature: above 0.
    """
    scaled = replace(model, network=copy.deepcopy(model.network))
    with torch.no_grad():
        for weight in scaled.tagging_head.parameters():
            weight.div_(temperature)
    return scaled
