"""Generate summaries of dialogues with a prompt."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import torch

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.dialogues import Dialogue
from finkd.corpora.wording import counted
from finkd.progress import Listener, Progress
from finkd.suites.summaries.writers import Writer


@dataclass(frozen=True)
class Prompt:
    """Prompt for a dialogue.

    Attributes:
        template: text with ``{dialogue}``, and perhaps an example in ``{example_dialogue}`` and ``{example_summary}``.
        example: a dialogue of the training split as an example.
    """

    template: str
    example: Dialogue | None = None

    @classmethod
    def named(cls, name: str, example: Dialogue | None = None) -> Prompt:
        """Read one of finkd's prompts: ``zero-shot`` or ``one-shot``."""
        path = resources.files("finkd.suites.summaries") / "prompts" / f"{name}.txt"
        text = path.read_text(encoding="utf-8").rstrip("\n")
        return cls(text, example if "{example_dialogue}" in text else None)

    def of(self, dialogue: str) -> str:
        """Return the prompt for a dialogue."""
        text = self.template
        if self.example is not None:
            text = text.replace("{example_dialogue}", self.example.text)
            text = text.replace("{example_summary}", self.example.summaries[0])
        return text.replace("{dialogue}", dialogue)


@dataclass(frozen=True)
class Written:
    """Generated summaries.

    Attributes:
        summaries: one per dialogue.
        shortened: number of dialogues without their end, since the prompt did not fit.
        seconds: of generation.
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
    listen: Listener = lambda progress: None,
) -> Written:
    """Summarize dialogues with a language model.

    Args:
        writer: the model.
        dialogues: the dialogues.
        prompt: the prompt.
        beams: of beam search; 1 is greedy search.
        longest: most tokens of a summary.
        batch: number of dialogues in a batch.
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
            # The first paragraph, before the model continues with other text.
            summaries[row] = " ".join(text.strip().split("\n\n", 1)[0].split("Instruct:", 1)[0].split())
        listen(Progress(number + 1, count, None, tokens, time.perf_counter() - began))
    return Written(tuple(summaries), shortened, time.perf_counter() - began)


def _fitting(writer: Writer, dialogues: Sequence[Dialogue], prompt: Prompt, longest: int) -> tuple[list[str], int]:
    """Return prompts that leave room for a summary, and the number of dialogues that are shortened for it."""
    room = writer.room - (longest if writer.is_causal else 0)

    def fits(dialogue: str) -> bool:
        return len(writer.tokenizer(prompt.of(dialogue))["input_ids"]) <= room

    if not fits(""):
        raise ConfigError(f"prompt: does not fit the model's {counted(writer.room, 'token')}, even without a dialogue")
    whole = ["\n".join(dialogue.text.splitlines()) for dialogue in dialogues]
    kept = [text if fits(text) else _beginning(text, fits) for text in whole]
    return list(map(prompt.of, kept)), sum(ours != text for ours, text in zip(kept, whole, strict=True))


def _beginning(text: str, fits: Callable[[str], bool]) -> str:
    """Return the turns from the beginning that fit; if none does, the words of the first one, or else the characters.

    Args:
        text: a dialogue that does not fit.
        fits: whether a beginning of it does; a shorter one does where a longer one does.
    """
    first = text.split("\n", 1)[0]
    for parts, separator in ((text.split("\n"), "\n"), (first.split(), " "), (first, "")):
        if found := _most(parts, separator, fits):
            return found
    return ""


def _most(parts: Sequence[str], separator: str, fits: Callable[[str], bool]) -> str:
    def is_too_long(count: int) -> bool:
        return not fits(separator.join(parts[:count]))

    return separator.join(parts[: bisect_left(range(1, len(parts) + 1), True, key=is_too_long)])
