"""Heads of an encoder: token classification, text classification, answer spans, masked LM."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.models.model import Model


def with_head(model: Model, labels: Sequence[str], seed: int) -> Model:
    """Put a token-classification head on an encoder; an existing head for the same labels stays.

    Raises:
        ConfigError: if the model has a head for other labels.
    """
    if model.labels:
        if model.labels != tuple(labels):
            raise ConfigError(
                f"model: its labels ({', '.join(model.labels)}) do not match the corpus ({', '.join(labels)}); "
                "start from an encoder without a head, or choose the corpus it was trained for"
            )
        return model
    return _with_new_head(model, transformers.AutoModelForTokenClassification, seed, labels)


def with_text_head(model: Model, labels: Sequence[str], seed: int) -> Model:
    """Put a new head that scores whole texts on a copy of the encoder; without labels, a regression head."""
    return _with_new_head(model, transformers.AutoModelForSequenceClassification, seed, labels or ("score",))


def with_head_of(model: Model, other: Model) -> Model:
    """Give a model, in place, the weights of another one's head for whole texts, its pooler among them.

    Raises:
        ConfigError: if the heads are not alike.
    """
    inside = f"{model.network.base_model_prefix}."
    theirs = {
        name: weight
        for name, weight in other.network.state_dict().items()
        if not name.startswith(inside) or name.startswith(f"{inside}pooler.")
    }
    ours = model.network.state_dict()
    if any(name not in ours or ours[name].shape != weight.shape for name, weight in theirs.items()):
        raise ConfigError("head: the student's is not of the teacher's size; a narrower student needs a new one")
    model.network.load_state_dict(theirs, strict=False)
    return model


def with_answer_head(model: Model, seed: int) -> Model:
    """Put a new head on a copy of the encoder that scores each token as the start and the end of an answer."""
    return _with_new_head(model, transformers.AutoModelForQuestionAnswering, seed, ("start", "end"))


def _with_new_head(model: Model, kind: Any, seed: int, labels: Sequence[str] = ()) -> Model:
    """Put a new head on a copy of the encoder; a pooler comes and goes with the head."""
    config = copy.deepcopy(model.encoder.config)
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = kind.from_config(config, dtype=torch.float32, trust_remote_code=False)
    new, unused = network.base_model.load_state_dict(model.encoder.state_dict(), strict=False)
    assert all(name.startswith("pooler.") for name in (*new, *unused)), (new, unused)
    return Model(network.eval(), model.tokenizer, tuple(labels))


def with_masked_head(model: Model, seed: int) -> Model:
    """Put a masked-LM head, with its decoder tied to the embeddings, on the encoder; an existing one stays.

    Raises:
        ConfigError: if its tokenizer has no mask token.
    """
    if "mask" not in model.tokenizer.special_ids:
        raise ConfigError(f"model: its tokenizer {model.tokenizer.name!r} has no mask token, which masked-LM needs")
    return model if model.has_masked_head else _with_new_head(model, transformers.AutoModelForMaskedLM, seed)


def check_masked_head(network: PreTrainedModel) -> None:
    """Raise ``ConfigError`` unless a masked-LM head is of a kind that finkd can split from its last layer.

    Args:
        network: with such a head, on the meta device.
    """
    factored_mlm_logits(network, torch.empty(1, network.config.hidden_size, device="meta"))


@dataclass(frozen=True)
class FactoredLogits:
    """Logits of a masked-LM head at some tokens, as the input and the weights of its last layer.

    Attributes:
        states: (tokens, width) input of the last layer.
        weight: (vocabulary, width) of the last layer.
        bias: (vocabulary,) of the last layer.
    """

    states: Tensor
    weight: Tensor
    bias: Tensor

    def take(self, rows: Tensor) -> FactoredLogits:
        """Return the logits of some of the tokens."""
        return FactoredLogits(self.states[rows], self.weight, self.bias)

    def entries(self, count: int) -> FactoredLogits:
        """Return the logits of the first entries of the vocabulary."""
        return FactoredLogits(self.states, self.weight[:count], self.bias[:count])

    def logits(self) -> Tensor:
        """Return (tokens, vocabulary) logits."""
        return functional.linear(self.states, self.weight, self.bias)


def factored_mlm_logits(network: PreTrainedModel, states: Tensor) -> FactoredLogits:
    """Run a masked-LM head up to its last layer.

    Args:
        network: with such a head.
        states: (tokens, width) last hidden states of some tokens.

    Raises:
        ConfigError: if the head is not one of BERT's, RoBERTa's or DistilBERT's kind.
    """
    parts: Any = network
    try:
        if hasattr(network, "cls"):
            last = parts.cls.predictions.decoder
            states = parts.cls.predictions.transform(states)
        elif hasattr(network, "lm_head"):
            last = parts.lm_head.decoder
            states = parts.lm_head.layer_norm(functional.gelu(parts.lm_head.dense(states)))
        else:
            last = parts.vocab_projector
            states = parts.vocab_layer_norm(parts.activation(parts.vocab_transform(states)))
    except AttributeError:  # other heads have other parts
        last = None
    # MobileBERT's last layer has two matrices, ESM's a bias that is not its own.
    if last is None or last.bias is None or last.in_features != states.shape[1]:
        raise ConfigError(
            f"model: the masked-LM head of {network.config.model_type!r} cannot be used (BERT's, RoBERTa's and "
            "DistilBERT's can)"
        )
    return FactoredLogits(states, last.weight, last.bias)
