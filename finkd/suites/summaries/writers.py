"""Models that write: how they are loaded in few bits, prompted and asked."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PhiConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from corpora.errors import ConfigError, DataError
from corpora.tasks.dialogues import Dialogue
from finkd import teachers
from finkd.progress import Progress

Bits = Literal["fp32", "bf16", "int8", "nf4", "nf4-single", "fp4"]
"""How weights are held: whole; in 8 bits (LLM.int8, Dettmers et al. 2022); in 4 bits of the normal-float type whose
scales are quantized again (QLoRA, Dettmers et al. 2023), or are not; or in 4 bits of the plain floating type."""

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of every product that it casts
disable_progress_bar()  # type: ignore[no-untyped-call]

PHI2 = "microsoft/phi-2"
_PHI2 = {
    "vocab_size": 51200,
    "hidden_size": 2560,
    "intermediate_size": 10240,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "partial_rotary_factor": 0.4,
    "hidden_act": "gelu_new",
}
"""The architecture, by its published configuration."""


@dataclass(frozen=True)
class Writer:
    """A model that writes, with its tokenizer.

    Attributes:
        network: causal, or from sequence to sequence.
        tokenizer: its tokenizer.
        bits: how its weights are held.
    """

    network: Any
    tokenizer: PreTrainedTokenizerBase
    bits: Bits

    @property
    def room(self) -> int:
        """Tokens that it can read and write together."""
        return int(getattr(self.network.config, "max_position_embeddings", None) or 1 << 20)

    @property
    def is_causal(self) -> bool:
        """Whether it goes on from what it reads, rather than writing a text of its own."""
        return not self.network.config.is_encoder_decoder

    @property
    def parameters(self) -> int:
        """Weights in total; those in 4 bits lie two in a byte."""
        return sum(
            each.numel() * (2 if type(each).__name__ == "Params4bit" else 1) for each in self.network.parameters()
        )

    @property
    def bytes(self) -> int:
        """Of all weights as they are held, with the scales of those in few bits."""
        scales = [_scales(parameter) for parameter in self.network.parameters()]
        return int(self.network.get_memory_footprint()) + sum(each.nbytes for found in scales for each in found)


def load_writer(name: str, bits: Bits = "bf16") -> Writer:
    """Read a model that writes, from a folder, the cache or the hub.

    Raises:
        ConfigError: if ``bits`` is unknown, the model does not write, or its weights cannot be held so.
        DataError: if its weights are damaged or incomplete.
        UnavailableError: if it cannot be found.
    """
    if bits not in get_args(Bits):
        raise ConfigError(f"bits: unknown value (got {bits!r}; choose from {', '.join(get_args(Bits))})")
    folder = teachers.resolve(name)
    config = AutoConfig.from_pretrained(folder)
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    try:
        network, report = kind.from_pretrained(folder, use_safetensors=True, output_loading_info=True, **_options(bits))
    except (OSError, SafetensorError) as error:
        raise DataError(f"{folder}: weights cannot be read ({str(error).strip().splitlines()[0]})") from error
    except ValueError as error:
        raise ConfigError(f"{folder}: cannot write, or not in {bits} ({str(error).strip().splitlines()[0]})") from error
    if report["missing_keys"]:
        raise DataError(f"{folder}: weights lack {', '.join(sorted(report['missing_keys'])[:3])}; fetch them again")
    writer = Writer(network.eval(), _padded(AutoTokenizer.from_pretrained(folder)), bits)
    _check_bits(writer)
    return writer


def _options(bits: Bits) -> dict[str, Any]:
    """How ``from_pretrained`` is to hold the weights."""
    match bits:
        case "fp32" | "bf16":
            return {"dtype": torch.float32 if bits == "fp32" else torch.bfloat16}
        case "int8":
            # Its products are in fp16 whatever it is given.
            in_eight = BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
            return {"quantization_config": in_eight, "dtype": torch.float16}
        case _:
            in_four = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
                load_in_4bit=True,
                bnb_4bit_quant_type="fp4" if bits == "fp4" else "nf4",
                bnb_4bit_use_double_quant=bits != "nf4-single",
                bnb_4bit_compute_dtype=torch.bfloat16,
            )
            return {"quantization_config": in_four, "dtype": torch.bfloat16}


def _scales(parameter: Any) -> list[torch.Tensor]:
    """What bitsandbytes keeps beside a weight."""
    state = getattr(parameter, "quant_state", None)
    found = [getattr(parameter, "SCB", None)]
    for each in (state, getattr(state, "state2", None)):
        found += [getattr(each, "absmax", None), getattr(each, "code", None)]
    return [each for each in found if isinstance(each, torch.Tensor)]


def _check_bits(writer: Writer) -> None:
    """Refuse a quantization that did nothing."""
    wanted = {"int8": 8, "nf4": 4, "nf4-single": 4, "fp4": 4}.get(writer.bits)
    if wanted is None:
        return
    kinds = {8: "Linear8bitLt", 4: "Linear4bit"}
    if not any(type(module).__name__ == kinds[wanted] for module in writer.network.modules()):
        raise ConfigError(f"bits: nothing of this model was quantized to {writer.bits}; choose another")


def _padded(tokenizer: Any) -> PreTrainedTokenizerBase:
    """The tokenizer with something to fill up with, on the left, so that all prompts of a batch end together."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    found: PreTrainedTokenizerBase = tokenizer
    return found


def random_writer(bits: Bits, texts: Sequence[str], sizes: dict[str, Any] | None = None) -> Writer:
    """A model of phi-2's architecture that has learnt nothing, for its size, memory and speed alone.

    Args:
        bits: how its weights are held.
        texts: what its tokenizer is trained on, since phi-2's own is not here.
        sizes: those that replace phi-2's.
    """
    config = PhiConfig(**{**_PHI2, **(sizes or {})})
    tokenizer = _tokenizer(texts, config.vocab_size)
    config.eos_token_id = config.bos_token_id = config.pad_token_id = tokenizer.eos_token_id
    with tempfile.TemporaryDirectory() as folder:  # quantization is done while weights are read
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)  # type: ignore[no-untyped-call]
        made.save_pretrained(folder)
        del made
        tokenizer.save_pretrained(folder)
        return load_writer(folder, bits)


def _tokenizer(texts: Sequence[str], size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE with one special token, as phi-2 has it."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    made: Any = PreTrainedTokenizerFast
    found: PreTrainedTokenizerFast = made(
        tokenizer_object=backend, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    return found


@dataclass(frozen=True)
class Prompt:
    """What is written around a dialogue.

    Attributes:
        template: text with ``{dialogue}``, and perhaps an example in ``{example_dialogue}`` and ``{example_summary}``.
        example: a dialogue of the training split to show how.
    """

    template: str
    example: Dialogue | None = None

    @classmethod
    def named(cls, name: str, example: Dialogue | None = None) -> Prompt:
        """One of finkd's, or a user's file.

        Raises:
            ConfigError: if there is no such prompt, or it has no place for the dialogue.
        """
        own = resources.files("finkd.suites.summaries") / "prompts" / f"{name}.txt"
        path = Path(name)
        if not own.is_file() and not path.is_file():
            raise ConfigError(f"prompt: there is neither a prompt nor a file {name!r}")
        text = (own if own.is_file() else path).read_text(encoding="utf-8").rstrip("\n")
        if "{dialogue}" not in text:
            raise ConfigError(f"prompt {name}: has no {{dialogue}} in it")
        return cls(text, example if "{example_dialogue}" in text else None)

    def of(self, dialogue: str) -> str:
        """The prompt for a dialogue."""
        text = self.template
        if self.example is not None:
            text = text.replace("{example_dialogue}", self.example.text)
            text = text.replace("{example_summary}", self.example.summaries[0])
        return text.replace("{dialogue}", dialogue)


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
            raise ConfigError(f"prompt: does not fit the model's {writer.room} tokens, even without a dialogue")
        shortened += len(lines) < len(dialogue.text.splitlines())
        texts.append(prompt.of("\n".join(lines)))
    return texts, shortened


def _first_paragraph(text: str) -> str:
    """What comes before the model goes on to something else."""
    return " ".join(text.strip().split("\n\n", 1)[0].split("Instruct:", 1)[0].split())
