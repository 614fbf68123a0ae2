"""What is known of a model before its weights are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from finkd.corpora.errors import ConfigError
from finkd.models import pretrained
from finkd.models.loading import abilities, read_head
from finkd.models.shape import Shape, read_shape
from finkd.settings import shown

Head = Literal["labels", "words", "none"]
"""What a model scores: the labels of a corpus, the entries of its vocabulary (masked-LM), or nothing (an encoder)."""


@dataclass(frozen=True)
class ModelSpec:
    """What stages check before any work, and what they change of it for the stages after them.

    Attributes:
        head: what the model scores.
        labels: of its head, if that scores tokens.
        corpus_labels: labels of the corpus at hand; ``None`` without a labelled corpus.
        has_mask_token: whether its tokenizer has one.
        sizes: its shape; ``None`` if its configuration does not tell it.
        no_sizes: why they are not known.
        no_layers: why single layers cannot be chosen or changed; empty if they can.
        no_masked_head: why finkd cannot train a masked-LM head for it; empty if it can.
    """

    head: Head = "none"
    labels: tuple[str, ...] = ()
    corpus_labels: tuple[str, ...] | None = None
    has_mask_token: bool = True
    sizes: Shape | None = None
    no_sizes: str = ""
    no_layers: str = ""
    no_masked_head: str = ""

    @classmethod
    def of(cls, model: str, corpus_labels: tuple[str, ...] | None = None) -> ModelSpec:
        """Read what is known of a saved model.

        Args:
            model: its name or folder.
            corpus_labels: labels of the corpus at hand, if there is one.

        Raises:
            ConfigError: if it has no fast tokenizer, or ``transformers`` cannot make its network.
            UnavailableError: if it cannot be found.
        """
        folder = pretrained.resolve(model)
        can = abilities(folder)
        sizes, no_sizes = None, ""
        try:
            sizes = read_shape(folder)
        except ConfigError as error:
            no_sizes = str(error)
        head = read_head(model)
        return cls(
            head=head,
            labels=can.labels if head == "labels" else (),
            corpus_labels=corpus_labels,
            has_mask_token=can.has_mask,
            sizes=sizes,
            no_sizes=no_sizes,
            no_layers=can.layers,
            no_masked_head=can.masked_head,
        )

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
            ConfigError: if the model is none.
        """
        if self.head != "labels":
            raise ConfigError(f"{setting}: asks the loss of a tagger of a labelled corpus; put finetune before")

    def check_layers(self, stage: str) -> None:
        """Check that a stage can choose or change single layers.

        Raises:
            ConfigError: if it cannot.
        """
        if self.no_layers:
            raise ConfigError(f"{stage}: {self.no_layers}")
