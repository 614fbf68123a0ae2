"""Fine-tune a language model by low-rank adapters (LoRA, Hu et al. 2021), also on quantized weights (QLoRA)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from pydantic import PositiveInt
from torch.optim.lr_scheduler import LambdaLR

from finkd.corpora.tasks.dialogues import Dialogue
from finkd.data.batches import plan
from finkd.data.encoding import IGNORED
from finkd.progress import Progress
from finkd.suites.summaries.writers import Writer
from finkd.suites.summaries.writing import Prompt
from finkd.tokenization.tokenizer import Longs
from finkd.training.loop import DivergedError
from finkd.training.schedule import Course, Schedule


@dataclass(frozen=True)
class LoraSettings:
    """Settings of adapters.

    Attributes:
        schedule: of training.
        rank: of each adapter.
        alpha: adapters are scaled by ``alpha / rank``.
        dropout: of an adapter's input.
    """

    schedule: Schedule = field(
        default_factory=lambda: Schedule(epochs=1, learning_rate=2e-4, batch_tokens=2048, weight_decay=0.0)
    )
    rank: PositiveInt = 16
    alpha: PositiveInt = 32
    dropout: float = 0.05


@dataclass(frozen=True)
class _Pair:
    """Token ids of a prompt and of the summary that follows it."""

    prompt: list[int]
    summary: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.summary)


def fine_tuned(
    writer: Writer,
    dialogues: Sequence[Dialogue],
    prompt: Prompt,
    settings: LoraSettings,
    seed: int,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Writer, float, int]:
    """Train adapters on all linear layers of a language model.

    Returns:
        the model with adapters, the seconds of training, and the number of dialogues that were too long.

    Raises:
        DivergedError: if the loss is not finite.
    """
    pairs = []
    for dialogue in dialogues:
        summary = writer.tokenizer(" " + dialogue.summaries[0], add_special_tokens=False)["input_ids"]
        asked = writer.tokenizer(prompt.of(dialogue.text))["input_ids"]
        pairs.append(_Pair(asked, [*summary, writer.tokenizer.eos_token_id]))
    fitting = [pair for pair in pairs if len(pair) <= writer.room]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = writer.network
        if writer.bits not in ("fp32", "bf16"):
            prepare: Any = prepare_model_for_kbit_training
            network = prepare(network, use_gradient_checkpointing=False)
        adapters = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM" if writer.is_causal else "SEQ_2_SEQ_LM",
        )
        network = get_peft_model(network, adapters)
        seconds = _train(network, writer, fitting, settings.schedule, seed, listen)
    return replace(writer, network=network.eval()), seconds, len(pairs) - len(fitting)


def _train(
    network: Any,
    writer: Writer,
    pairs: Sequence[_Pair],
    schedule: Schedule,
    seed: int,
    listen: Callable[[Progress], None],
) -> float:
    """Train the adapters and return the seconds."""
    lengths = np.array([len(pair) for pair in pairs], np.int64)
    epochs = [plan(lengths, schedule.batch_tokens, seed, epoch) for epoch in range(math.ceil(schedule.epochs))]
    batches = list(chain.from_iterable(epochs))[: max(1, round(schedule.epochs * sum(map(len, epochs)) / len(epochs)))]
    course = Course(schedule, len(batches))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    rate = LambdaLR(optimizer, course.rate)
    network.train()
    began, tokens = time.perf_counter(), 0
    for number, rows in enumerate(batches, start=1):
        batch = _batch(writer, pairs, rows)
        loss = network(**batch).loss
        if not math.isfinite(loss.item()):
            raise DivergedError(f"training: the loss is {loss.item()} at step {number}; lower schedule.learning_rate")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, schedule.clip)
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        tokens += int(batch["attention_mask"].sum())
        listen(Progress(number, len(batches), loss.item(), tokens, time.perf_counter() - began))
    return time.perf_counter() - began


def _batch(writer: Writer, pairs: Sequence[_Pair], rows: Longs) -> dict[str, torch.Tensor]:
    """Make a batch: a causal model reads prompt and summary, a sequence-to-sequence model the prompt alone."""
    chosen = [pairs[row] for row in rows.tolist()]
    pad = writer.tokenizer.pad_token_id
    read = [pair.prompt + pair.summary if writer.is_causal else pair.prompt for pair in chosen]
    learn = [[IGNORED] * len(pair.prompt) + pair.summary if writer.is_causal else pair.summary for pair in chosen]
    device = writer.network.device
    return {
        "input_ids": _filled(read, pad).to(device),
        "attention_mask": _filled([[1] * len(ids) for ids in read], 0).to(device),
        "labels": _filled(learn, IGNORED).to(device),
    }


def _filled(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """Pad rows at the end to the length of the longest."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])
