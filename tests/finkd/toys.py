"""Tiny models, labelled sentences and a context for stages, all built in memory."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import label_names
from finkd.data.batches import TrainingData
from finkd.data.encoding import WINDOW
from finkd.models.heads import with_head
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context
from finkd.store import Store
from finkd.teachers.teacher import Teacher
from finkd.tokenization.tokenizer import Tokenizer
from finkd.training.schedule import Schedule
from tests.toys import wordpiece_uncased

TYPES = ("ORG", "PER")
LABELS = label_names(TYPES)
QUICK = Schedule(epochs=2, learning_rate=1e-3, head_learning_rate=1e-2, batch_tokens=64, precision="fp32")

_TAGGED = (
    ("Goldman/B-ORG Sachs/I-ORG lent/O money/O to/O Acme/B-ORG ./O", "first"),
    ("The/O Borrower/B-PER shall/O pay/O interest/O at/O 4.75/O %/O ,/O the/O Lender/B-PER agrees/O", ""),
    ("Shares/O of/O Acme/B-ORG Corp/I-ORG fell/O after/O the/O bank/O lent/O", "first"),
    ("Société/B-ORG Générale/I-ORG opened/O a/O branch/O", "second"),
    ("Net/O revenue/O rose/O", "second"),
)


def tagged(text: str, document: str = "") -> Sentence:
    """A sentence from ``word/TAG`` pairs."""
    words, tags = zip(*(pair.rsplit("/", 1) for pair in text.split()), strict=True)
    return Sentence.from_words(words, tags, document)


SENTENCES = tuple(tagged(text, document) for text, document in _TAGGED)


def tiny_model(
    tokenizer: Tokenizer | None = None,
    *,
    layers: int = 2,
    width: int = 32,
    labels: tuple[str, ...] = (),
    family: str = "bert",
    positions: int = 514,
    seed: int = 0,
) -> Model:
    """An encoder of random weights, with a head if there are labels."""
    tokenizer = tokenizer or wordpiece_uncased()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(family, tokenizer, layers, width, positions)
    model = Model(network.eval(), tokenizer)
    return with_head(model, labels, seed) if labels else model


def _network(family: str, tokenizer: Tokenizer, layers: int, width: int, positions: int) -> PreTrainedModel:
    own = {"roberta": {"type_vocab_size": 1}, "distilbert": {"hidden_dim": 2 * width}}.get(family, {})
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=positions,
        pad_token_id=tokenizer.special_ids["pad"],
        **own,
    )
    return AutoModel.from_config(config, **({} if family == "distilbert" else {"add_pooling_layer": False}))


def ner_data(
    sentences: tuple[Sentence, ...], model: Model, teacher: Model | None = None, limit: int = WINDOW
) -> TrainingData:
    """The sentences as the training loop takes them."""
    return TrainingData.of(sentences, model, LABELS, teacher, limit)


class ToyText:
    """The sentences without their tags, as raw text."""

    fingerprint: ClassVar[dict[str, Any]] = {"text": "toy"}

    def draw(self, sentences: int | None = None) -> list[Sentence]:
        """All of them, or the first ones."""
        return [replace(sentence, tags=None) for sentence in SENTENCES][:sentences]


def context(folder: Path, seed: int = 1) -> Context:
    """What a stage may use: five sentences, the same as raw text, a store below ``folder`` and a tiny teacher."""
    return Context(
        train=SENTENCES,
        labels=LABELS,
        corpus="toy",
        seed=seed,
        store=Store(folder / "store"),
        text=ToyText(),
        held_out=SENTENCES[:2],
        teacher=Teacher("teacher", lambda: tiny_model(labels=LABELS, seed=7)),
    )


def spec_of(model: Model, folder: Path) -> ModelSpec:
    """What is known of a model that is saved to a folder, beside a corpus of ``LABELS``."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder)
    return ModelSpec.of(str(folder), LABELS)


def outputs(model: Model, text: str) -> torch.Tensor:
    """(tokens, width) last hidden states, or (tokens, labels) scores, of one text."""
    ids = torch.from_numpy(model.tokenizer.encode([text]).ids).long()[None]
    with torch.inference_mode():
        result = model.network(input_ids=ids, attention_mask=torch.ones_like(ids))
    return result[0][0]
