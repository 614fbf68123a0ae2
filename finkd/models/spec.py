"""Specification of a model, known before its weights are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from finkd.corpora.errors import ConfigError, first_line
from finkd.models import pretrained
from finkd.models.architectures import HEADS, MASKED_LM, TAGGER
from finkd.models.attention_projections import attention_projections
from finkd.models.config_file import read_config
from finkd.models.heads import check_masked_head
from finkd.models.loading import configuration, head_class
from finkd.models.lookup import CONFIG, TOKENIZER
from finkd.models.model import Model
from finkd.models.shape import Shape, read_shape
from finkd.models.truncation import keep_layers
from finkd.models.weight_files import check_described
from finkd.settings import shown
from finkd.tokenization.tokenizer import Tokenizer

Head = Literal["labels", "words", "none"]
"""What a model scores: the labels of a corpus, the entries of its vocabulary (masked-LM), or nothing (an encoder)."""


@dataclass(frozen=True)
class ModelSpec:
    """Specification of a model that stages check, and change for the stages after them.

    Attributes:
        head: what the model scores.
        labels: of its head, if that scores tokens.
        corpus_labels: labels of the corpus at hand; ``None`` without a labelled corpus.
        has_mask_token: whether its tokenizer has one.
        gives_case: whether its tokenizer tells the case of each word beside its tokens.
        sizes: its shape; ``None`` if its configuration does not tell it.
        no_sizes: why they are not known.
        no_layers: why single layers cannot be chosen or changed; empty if they can.
        no_masked_head: why finkd cannot train a masked-LM head for it; empty if it can.
        no_attention: why losses cannot read its attention; empty if they can.
    """

    head: Head = "none"
    labels: tuple[str, ...] = ()
    corpus_labels: tuple[str, ...] | None = None
    has_mask_token: bool = True
    gives_case: bool = False
    sizes: Shape | None = None
    no_sizes: str = ""
    no_layers: str = ""
    no_masked_head: str = ""
    no_attention: str = ""

    @classmethod
    def of(cls, model: str, corpus_labels: tuple[str, ...] | None = None) -> ModelSpec:
        """Read what is known of a saved model from its configuration and its tokenizer.

        Args:
            model: its name or folder.
            corpus_labels: labels of the corpus at hand, if there is one.

        Raises:
            ConfigError: if it has no fast tokenizer, or ``transformers`` cannot make its network.
            UnavailableError: if it cannot be found.
        """
        folder = pretrained.resolve(model)
        files = [
            folder / CONFIG,
            folder / TOKENIZER,
            folder / "tokenizer_config.json",
            *sorted(folder.glob("*.safetensors")),
        ]
        found = _read(folder, tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))
        return replace(found, corpus_labels=corpus_labels)

    @property
    def shape(self) -> Shape:
        """Its sizes.

        Raises:
            ConfigError: if they are not known.
        """
        if self.sizes is None:
            raise ConfigError(self.no_sizes)
        return self.sizes

    def shaped(self, shape: Shape, **changes: str) -> ModelSpec:
        """The same with other sizes."""
        return replace(self, sizes=shape, **changes)  # type: ignore[arg-type]

    def tagger(self, stage: str) -> ModelSpec:
        """The same with a head for the labels of the corpus.

        Args:
            stage: what trains it, for messages.

        Raises:
            ConfigError: without a labelled corpus, or if the model scores the labels of another one.
        """
        if self.corpus_labels is None:
            raise ConfigError(f"{stage}: needs a labelled corpus")
        self.check_corpus()
        return replace(self, head="labels", labels=self.corpus_labels)

    def check_corpus(self) -> None:
        """Check that a tagger scores the labels of the corpus.

        Raises:
            ConfigError: if it scores others.
        """
        if self.head == "labels" and self.corpus_labels is not None and self.labels != self.corpus_labels:
            raise ConfigError(
                f"the model's labels ({shown(', '.join(self.labels))}) do not match the corpus "
                f"({shown(', '.join(self.corpus_labels))}); start from an encoder without a head, or choose the corpus "
                "that it was trained for"
            )

    def masked_lm(self, stage: str) -> ModelSpec:
        """The same with a masked-LM head.

        Args:
            stage: what trains it, for messages.

        Raises:
            ConfigError: if the model cannot have one.
        """
        if self.no_masked_head:
            raise ConfigError(f"{stage}: {self.no_masked_head}")
        if not self.has_mask_token:
            raise ConfigError(f"{stage}: the tokenizer has no mask token, which masked-LM needs")
        return replace(self, head="words", labels=())

    def check_tagger(self, setting: str) -> None:
        """Check that a stage can compute the loss of a tagger.

        Args:
            setting: what asks for it, such as ``"compress:prune.by=taylor"``.

        Raises:
            ConfigError: if the model is none, or is one of another corpus than that at hand.
        """
        if self.head != "labels" or self.corpus_labels is None:
            raise ConfigError(
                f"{setting}: asks the loss of a tagger of a labelled corpus; name the corpus (--corpus), or put "
                "finetune before"
            )
        self.check_corpus()

    def check_attention(self, setting: str) -> None:
        """Check that losses can read its attention.

        Raises:
            ConfigError: if they cannot.
        """
        if self.no_attention:
            raise ConfigError(f"{setting}: {self.no_attention}")

    def check_layers(self, stage: str) -> None:
        """Check that a stage can choose or change single layers.

        Raises:
            ConfigError: if it cannot.
        """
        if self.no_layers:
            raise ConfigError(f"{stage}: {self.no_layers}")


@cache
def _read(folder: Path, changed: tuple[int, ...]) -> ModelSpec:
    """Read a model's folder; networks are made on the meta device, where tensors have shapes and take no memory."""
    entries = read_config(folder)
    config = configuration(folder, entries)
    check_described(folder, entries)
    tokenizer = Tokenizer.load(folder)
    try:
        network = _on_meta("Model", config)
    except Exception as error:  # a configuration can be wrong in as many ways as there are networks
        raise ConfigError(
            f"{folder / 'config.json'}: not a model that transformers can make ({first_line(error)})"
        ) from error
    sizes, no_sizes, no_layers, no_masked_head, no_attention = None, "", "", "", ""
    try:
        sizes = read_shape(folder)
    except ConfigError as error:
        no_sizes = str(error)
    try:
        keep_layers(Model(network, tokenizer), [0])
    except ConfigError as error:
        no_layers = str(error)
    try:
        attention_projections(network)
    except ConfigError as error:
        no_attention = str(error)
    try:
        check_masked_head(_on_meta(MASKED_LM, config))
    except ConfigError as error:
        no_masked_head = str(error)
    except ValueError:
        no_masked_head = f"model: transformers has no masked-LM head for {config.model_type!r}"
    head = _head(folder, entries)
    labels = tuple(config.id2label[number] for number in sorted(config.id2label)) if head == "labels" else ()
    has_mask, gives_case = "mask" in tokenizer.special_ids, tokenizer.gives_case
    reasons = no_sizes, no_layers, no_masked_head, no_attention
    return ModelSpec(head, labels, None, has_mask, gives_case, sizes, *reasons)


def _on_meta(kind: str, config: Any) -> Any:
    with torch.device("meta"):
        return HEADS[kind].from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]


def _head(folder: Path, entries: Mapping[str, Any]) -> Head:
    kinds: dict[str, Head] = {TAGGER: "labels", MASKED_LM: "words"}
    return kinds.get(head_class(folder, entries), "none")
