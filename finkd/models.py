"""An encoder or tagger with its tokenizer, and how it is read and written."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)
from transformers.activations import ACT2FN
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from corpora.errors import ConfigError, DataError
from corpora.json_files import shown
from finkd import teachers
from finkd.checks import check_labels, check_tokenizer
from finkd.compression.architecture import family, register
from finkd.guesses import Guesses
from finkd.lookup import CONFIG, check_weights
from finkd.model_files import check_described, first_position, layers_of, read_config
from tokenization.tokenizer import Tokenizer
from tokenization.tokenizer_file import first_line

_WITHOUT_POOLER = ("bert", "roberta", "xlm-roberta", "camembert")
"""Families whose encoder can be made without a pooler."""
_MACHINERY = ("attribute_map", "sub_configs", "sub_configs_defaults")
"""What a configuration's class works with, which an entry of the same name would replace."""

_TAGGER, _MASKED_LM = "ForTokenClassification", "ForMaskedLM"
_HEADS = {
    _TAGGER: AutoModelForTokenClassification,
    _MASKED_LM: AutoModelForMaskedLM,
    "ForSequenceClassification": AutoModelForSequenceClassification,
    "ForQuestionAnswering": AutoModelForQuestionAnswering,
}


@dataclass(frozen=True)
class Model:
    """A network with the tokenizer it reads through; every stage takes one and gives one.

    Attributes:
        network: an encoder, bare or with a head that scores pieces, the vocabulary, texts or answers.
        tokenizer: its tokenizer.
        labels: label of each output, empty for an encoder without a head.
    """

    network: PreTrainedModel
    tokenizer: Tokenizer
    labels: tuple[str, ...] = ()

    @property
    def encoder(self) -> PreTrainedModel:
        """The encoder, with or without a head on it."""
        return cast(PreTrainedModel, self.network.base_model)

    @property
    def layer_holder(self) -> Any:
        """The module whose attribute ``layer`` lists the transformer layers.

        Raises:
            ConfigError: if the architecture keeps them elsewhere than BERT, RoBERTa and DistilBERT do.
        """
        for name in ("encoder", "transformer"):
            holder = getattr(self.encoder, name, None)
            if isinstance(getattr(holder, "layer", None), nn.ModuleList):
                return holder
        kind = self.encoder.config.model_type
        raise ConfigError(f"model: layers of {kind!r} cannot be chosen (BERT, RoBERTa and DistilBERT can)")

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's transformer layers."""
        return cast(nn.ModuleList, self.layer_holder.layer)

    @property
    def max_length(self) -> int:
        """Pieces that the position embeddings have room for."""
        config = self.encoder.config
        positions = int(getattr(config, "max_position_embeddings", 512))
        return positions - first_position(config.model_type, getattr(config, "pad_token_id", None))

    @property
    def embeddings(self) -> nn.Embedding:
        """The token embedding table, (vocabulary, width)."""
        return cast(nn.Embedding, self.encoder.get_input_embeddings())

    @property
    def tagging_head(self) -> nn.Linear:
        """What scores the labels of a tagger at each piece."""
        return cast(nn.Linear, self.network.classifier)

    @property
    def has_masked_head(self) -> bool:
        """Whether the network scores the vocabulary at each piece."""
        return self.network.get_output_embeddings() is not None  # type: ignore[no-untyped-call]

    def save(self, folder: Path) -> None:
        """Write weights, configuration and tokenizer into a folder that exists; ``transformers`` can load it."""
        self.network.save_pretrained(folder)
        self.tokenizer.write(folder, self.max_length)


def load(source: str | Path, *, for_texts: bool = False) -> Model:
    """Read a model that finkd saved, a local Hugging Face folder or a teacher by name.

    Args:
        source: its name or folder.
        for_texts: whether a head that scores whole texts, or the ends of answers, is kept; without, a model that has
            one is its encoder.

    Raises:
        UnavailableError: if it cannot be found.
        ConfigError: if it has no fast tokenizer with a padding token, or its labels are not IOB2.
        DataError: if its weights are damaged or incomplete.
    """
    folder = teachers.resolve(str(source))
    check_weights(folder)
    entries = read_config(folder)
    kind = _head(entries)
    kind = kind if for_texts or kind in (_TAGGER, _MASKED_LM) else None
    config = configuration(folder, entries)
    tokenizer = Tokenizer.load(folder)
    check_tokenizer(tokenizer, config.vocab_size, folder)
    labels = _labels(folder, config, kind)
    check_described(folder, entries)
    return Model(_network(folder, config, kind), tokenizer, labels)


def configuration(folder: Path, entries: Mapping[str, Any]) -> Any:
    """What ``transformers`` makes of a model folder's configuration.

    Args:
        folder: of the model.
        entries: its configuration, checked by ``read_config``.

    Raises:
        ConfigError: if ``transformers`` has no such model, or a value is not of its kind.
    """
    register()
    path, kind = folder / CONFIG, entries["model_type"]
    if kind not in CONFIG_MAPPING:
        raise ConfigError(
            f"{path}: model_type: found {shown(kind)}, which transformers has not; expected one such as bert "
            "(code in a model's folder is never run)"
        )
    for key in entries:
        if key in _MACHINERY or callable(getattr(CONFIG_MAPPING[kind], key, None)):
            raise ConfigError(f"{path}: {shown(key)}: is no setting of a {kind} model; remove it")
    for key in ("hidden_act", "activation", "activation_function", "hidden_activation"):
        if key in entries and (not isinstance(entries[key], str) or entries[key] not in ACT2FN):
            raise ConfigError(f"{path}: {key}: found {shown(entries[key])}; expected an activation such as gelu")
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # what its own checks of types raise has no common base but this one
        raise ConfigError(f"{path}: not a {kind} model that transformers reads ({first_line(error)})") from error


def _labels(folder: Path, config: Any, kind: str | None) -> tuple[str, ...]:
    """Label of each output of the head, none for a bare encoder and for a head that scores the vocabulary."""
    if kind in (None, _MASKED_LM):
        return ()
    labels = tuple(config.id2label[i] for i in range(config.num_labels))
    if kind == _TAGGER:
        check_labels(labels, folder)
    return labels


def _network(folder: Path, config: Any, kind: str | None) -> PreTrainedModel:
    """Weights from safetensors alone; transformers would fill what the file lacks with random numbers."""
    options = {} if kind else _no_pooler(config)
    try:
        network, report = _HEADS.get(kind or "", AutoModel).from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **options,
        )
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{folder}: model.safetensors cannot be read ({first_line(error)}); fetch or train it again"
        ) from error
    except Exception as error:  # a configuration can be wrong in as many ways as there are networks
        raise DataError(
            f"{folder}: config.json does not fit model.safetensors ({first_line(error)}); fetch or train it again"
        ) from error
    if report["missing_keys"]:
        lacking = ", ".join(sorted(report["missing_keys"])[:3])
        raise DataError(f"{folder}: model.safetensors lacks {lacking}; fetch or train it again")
    more = layers_of(list(report["unexpected_keys"]))
    if more:
        raise DataError(
            f"{folder}: model.safetensors holds {more} layers, config.json describes fewer; fetch or train it again"
        )
    network = network.float().eval()
    check_finite(network, folder)
    return cast(PreTrainedModel, network)


def check_finite(network: nn.Module, folder: Path) -> None:
    """See that weights are numbers.

    Args:
        network: what was read.
        folder: it was read from.

    Raises:
        DataError: if one is infinite or not a number, with the tensor's name.
    """
    for name, weight in network.named_parameters():
        # A sum is several times faster; it may overflow where no weight is infinite.
        if not weight.sum().isfinite() and not weight.isfinite().all():
            wrong = int((~weight.isfinite()).sum())
            raise DataError(
                f"{folder}: model.safetensors: {name}: {wrong:,} of {weight.numel():,} weights are infinite or not a "
                "number; fetch or train it again"
            )


def head(source: str | Path) -> Literal["labels", "words", "kept"]:
    """What a model, named as for ``load``, scores: ``"kept"`` is nothing; its weights are not read."""
    kind = _head(read_config(teachers.resolve(str(source))))
    return "labels" if kind == _TAGGER else "words" if kind == _MASKED_LM else "kept"


def with_head(model: Model, labels: Sequence[str], seed: int) -> Model:
    """The same encoder under a token classification head for ``labels``; an existing head for the same labels stays.

    Args:
        model: an encoder, or a tagger.
        labels: label of each output.
        seed: seed of a new head's weights.

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
    return _under(model, AutoModelForTokenClassification, labels, seed)


def with_text_head(model: Model, labels: Sequence[str], seed: int) -> Model:
    """A copy of the encoder under a new head that scores whole texts.

    Args:
        model: an encoder, with or without another head.
        labels: name of each class; none for a head that gives one number.
        seed: seed of the head's weights.
    """
    return _under(model, AutoModelForSequenceClassification, labels or ("score",), seed)


def with_answer_head(model: Model, seed: int) -> Model:
    """A copy of the encoder under a new head that scores, at each piece, how well an answer begins and ends there."""
    return _under(model, AutoModelForQuestionAnswering, ("start", "end"), seed)


def _under(model: Model, kind: Any, labels: Sequence[str], seed: int) -> Model:
    """The encoder's weights under a new head; a pooler that the head brings along is new too."""
    config = copy.deepcopy(model.encoder.config)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = kind.from_config(config, dtype=torch.float32, trust_remote_code=False)
    new, _ = network.base_model.load_state_dict(model.encoder.state_dict(), strict=False)
    assert all(name.startswith("pooler.") for name in new), new
    return Model(network.eval(), model.tokenizer, tuple(labels))


def with_masked_head(model: Model, seed: int) -> Model:
    """The same encoder under a masked-LM head whose decoder is tied to the embeddings; an existing one stays.

    Args:
        model: an encoder, or one that has such a head.
        seed: seed of a new head's weights.

    Raises:
        ConfigError: if its tokenizer has no mask token to hide words with.
    """
    if "mask" not in model.tokenizer.special_ids:
        raise ConfigError(f"model: its tokenizer {model.tokenizer.name!r} has no mask token, which masked-LM needs")
    if model.has_masked_head:
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = copy.deepcopy(model.encoder.config)
        network = AutoModelForMaskedLM.from_config(config, dtype=torch.float32, trust_remote_code=False)  # type: ignore[no-untyped-call]
    new, unused = network.base_model.load_state_dict(model.encoder.state_dict(), strict=False)
    assert not new, new
    assert all(name.startswith("pooler.") for name in unused), unused
    return Model(network.eval(), model.tokenizer)


def check_masked_head(network: PreTrainedModel) -> None:
    """See that a masked-LM head is of a kind whose guesses can be compared.

    Raises:
        ConfigError: if it is not.
    """
    if not any(hasattr(network, name) for name in ("cls", "lm_head", "vocab_transform")):
        raise ConfigError(
            f"model: the masked-LM head of {network.config.model_type!r} cannot be used (BERT's, RoBERTa's and "
            "DistilBERT's can)"
        )


def masked_lm_guesses(network: PreTrainedModel, states: Tensor) -> Guesses:
    """What a masked-LM head makes of some pieces, short of the scores of the vocabulary.

    Args:
        network: with such a head.
        states: (pieces, width) their last hidden states.

    Raises:
        ConfigError: if the head is not one of BERT's, RoBERTa's or DistilBERT's kind.
    """
    check_masked_head(network)
    parts: Any = network
    if hasattr(network, "cls"):
        head = parts.cls.predictions
        return Guesses(head.transform(states), head.decoder.weight, head.decoder.bias)
    if hasattr(network, "lm_head"):
        head = parts.lm_head
        return Guesses(head.layer_norm(functional.gelu(head.dense(states))), head.decoder.weight, head.decoder.bias)
    last = parts.vocab_projector
    return Guesses(parts.vocab_layer_norm(parts.activation(parts.vocab_transform(states))), last.weight, last.bias)


def _head(entries: Mapping[str, Any]) -> str | None:
    """Which of the known heads a model has, by the name of its class."""
    architectures = entries.get("architectures") or [""]
    return next((kind for kind in _HEADS if architectures[0].endswith(kind)), None)


def _no_pooler(config: Any) -> dict[str, bool]:
    return {"add_pooling_layer": False} if family(config) in _WITHOUT_POOLER else {}
