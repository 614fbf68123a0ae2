"""Fine-tune a language model by low-rank adapters (LoRA, Hu et al. 2021), also on quantized weights (QLoRA)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from pydantic import PositiveInt
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from finkd.corpora.files import scratch_folder
from finkd.corpora.tasks.dialogues import Dialogue
from finkd.data.encoding import IGNORED
from finkd.data.sampler import training_batches
from finkd.progress import Listener, Progress
from finkd.suites.summaries.writers import Writer
from finkd.suites.summaries.writing import Prompt
from finkd.tokenization.tokens import Longs
from finkd.training.loop import DivergedError
from finkd.training.schedule import Schedule

_FOLLOWED = ("epochs", "learning_rate", "batch_tokens", "warmup", "weight_decay", "clip")
"""Parts of a schedule that adapters are trained by."""


@dataclass(frozen=True)
class LoraSettings:
    """Settings of adapters.

    Attributes:
        schedule: of training: its epochs, learning rate, batches, warm-up, weight decay and clipping.
        rank: of each adapter.
        alpha: adapters are scaled by ``alpha / rank``.
        dropout: of an adapter's input.
    """

    schedule: Schedule = field(
        default_factory=lambda: Schedule(epochs=1.0, learning_rate=2e-4, batch_tokens=2048, weight_decay=0.0)
    )
    rank: PositiveInt = 16
    alpha: PositiveInt = 32
    dropout: float = 0.05

    def __post_init__(self) -> None:
        """Refuse parts of a schedule that adapters are trained without, so that none is passed over in silence."""
        usual = Schedule()
        for part in fields(Schedule):
            if part.name not in _FOLLOWED and getattr(self.schedule, part.name) != getattr(usual, part.name):
                raise ValueError(f"schedule.{part.name}: adapters are trained without it; leave it out")


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
    listen: Listener = lambda progress: None,
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


class _LoraTrainer(Trainer):
    """Trains adapters on planned batches, reports every step, and ends when the loss is not finite."""

    def __init__(
        self,
        network: Any,
        arguments: TrainingArguments,
        writer: Writer,
        pairs: Sequence[_Pair],
        batches: Sequence[Longs],
        listen: Listener,
    ) -> None:
        super().__init__(network, arguments, lambda chosen: _batch(writer, chosen), pairs)
        self.batches = batches
        self.listen = listen
        self.tokens = 0
        self.began = time.perf_counter()

    def get_train_dataloader(self) -> Any:
        """Return the planned batches, once each."""
        return DataLoader(self.train_dataset, batch_sampler=self.batches, collate_fn=self.data_collator)  # type: ignore[arg-type]

    def training_step(self, model: Any, inputs: dict[str, Any], *rest: Any) -> torch.Tensor:
        """Run a step, and report it."""
        loss = super().training_step(model, inputs, *rest)
        number = self.state.global_step + 1
        if not math.isfinite(loss.item()):
            raise DivergedError(f"training: the loss is {loss.item()} at step {number}; lower schedule.learning_rate")
        self.tokens += int(inputs["attention_mask"].sum())
        spent = time.perf_counter() - self.began
        self.listen(Progress(number, len(self.batches), loss.item(), self.tokens, spent))
        return loss


def _train(
    network: Any,
    writer: Writer,
    pairs: Sequence[_Pair],
    schedule: Schedule,
    seed: int,
    listen: Listener,
) -> float:
    """Train the adapters and return the seconds."""
    lengths = np.array([len(pair) for pair in pairs], np.int64)
    batches = training_batches(lengths, schedule.batch_tokens, seed, schedule.epochs)
    with scratch_folder() as folder:
        arguments = TrainingArguments(
            str(folder),
            num_train_epochs=1,
            learning_rate=schedule.learning_rate,
            warmup_steps=round(schedule.warmup * len(batches)),
            weight_decay=schedule.weight_decay,
            max_grad_norm=schedule.clip,
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            use_cpu=writer.network.device.type == "cpu",
        )
        trainer = _LoraTrainer(network, arguments, writer, pairs, batches, listen)
        trainer.train()
    return time.perf_counter() - trainer.began


def _batch(writer: Writer, chosen: Sequence[_Pair]) -> dict[str, torch.Tensor]:
    """Make a batch: a causal model reads prompt and summary, a sequence-to-sequence model the prompt alone."""
    pad = writer.tokenizer.pad_token_id
    read = [pair.prompt + pair.summary if writer.is_causal else pair.prompt for pair in chosen]
    learn = [[IGNORED] * len(pair.prompt) + pair.summary if writer.is_causal else pair.summary for pair in chosen]
    return {
        "input_ids": _filled(read, pad),
        "attention_mask": _filled([[1] * len(ids) for ids in read], 0),
        "labels": _filled(learn, IGNORED),
    }


def _filled(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """Pad rows at the end to the length of the longest."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])
