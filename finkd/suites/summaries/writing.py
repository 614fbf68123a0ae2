"""Having a model summarize dialogues."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.dialogues import Dialogue
from finkd.corpora.wording import counted
from finkd.progress import Progress
from finkd.suites.summaries.prompt import Prompt
from finkd.suites.summaries.writers import Writer


@dataclass(frozen=True)
class Written:
    """What a model wrote.

    Attributes:
        summaries: one per dialogue.
        shortened: dialogues of which the last turns were left out, because the prompt did not fit.
        seconds: that it took.
    """

    summaries: tuple[str, ...]
    shortened: int
    seconds: float


def write(
    writer: Writer,
    dialogues: Sequence[Dialogue],
    prompt: Prompt,
    beams: int = 1,
    longest: int = 80,
    batch: int = 8,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> Written:
    """Have a model summarize dialogues.

    Args:
        writer: the model.
        dialogues: what it reads.
        prompt: what is written around each.
        beams: 1 takes the likeliest token each time, more keep so many beginnings.
        longest: most tokens of a summary.
        batch: dialogues at once.
        listen: called after every batch.

    Raises:
        ConfigError: if a prompt does not fit even without its dialogue.
    """
    began = time.perf_counter()
    texts, shortened = _fitting(writer, dialogues, prompt, longest)
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    summaries = [""] * len(texts)
    count = -(-len(texts) // batch)
    tokens = 0
    for number in range(count):
        rows = order[number * batch : (number + 1) * batch]
        inputs = writer.tokenizer([texts[row] for row in rows], return_tensors="pt", padding=True)
        inputs = {name: inputs[name].to(writer.network.device) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            made = writer.network.generate(
                **inputs,
                num_beams=beams,
                do_sample=False,
                max_new_tokens=longest,
                pad_token_id=writer.tokenizer.pad_token_id,
            )
        if writer.is_causal:
            made = made[:, inputs["input_ids"].shape[1] :]
        tokens += made.numel()
        for row, text in zip(rows, writer.tokenizer.batch_decode(made, skip_special_tokens=True), strict=True):
            summaries[row] = _first_paragraph(text)
        listen(Progress(number + 1, count, None, tokens, time.perf_counter() - began))
    return Written(tuple(summaries), shortened, time.perf_counter() - began)


def _fitting(writer: Writer, dialogues: Sequence[Dialogue], prompt: Prompt, longest: int) -> tuple[list[str], int]:
    """Prompts that leave room for a summary; turns are left out from the end of dialogues that are too long."""
    room = writer.room - (longest if writer.is_causal else 0)
    texts, shortened = [], 0
    for dialogue in dialogues:
        lines = dialogue.text.splitlines()
        while lines and len(writer.tokenizer(prompt.of("\n".join(lines)))["input_ids"]) > room:
            lines.pop()
        if not lines:
            raise ConfigError(
                f"prompt: does not fit the model's {counted(writer.room, 'token')}, even without a dialogue"
            )
        shortened += len(lines) < len(dialogue.text.splitlines())
        texts.append(prompt.of("\n".join(lines)))
    return texts, shortened


def _first_paragraph(text: str) -> str:
    """What comes before the model goes on to something else."""
    return " ".join(text.strip().split("\n\n", 1)[0].split("Instruct:", 1)[0].split())
