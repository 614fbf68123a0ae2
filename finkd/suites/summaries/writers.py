"""Models that write, and how they are loaded in few bits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import (
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

from finkd.corpora.errors import ConfigError, DataError
from finkd.models import pretrained
from finkd.models.files import check_described, read_config
from finkd.models.loading import check_finite, configuration
from finkd.models.lookup import check_weights
from finkd.tokenization.tokenizer_file import FILE, first_line, read_backend, read_declared

Bits = Literal["fp32", "bf16", "int8", "nf4", "nf4-single", "fp4"]
"""How weights are held: whole; in 8 bits (LLM.int8, Dettmers et al. 2022); in 4 bits of the normal-float type whose
scales are quantized again (QLoRA, Dettmers et al. 2023), or are not; or in 4 bits of the plain floating type."""

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of every product that it casts
disable_progress_bar()  # type: ignore[no-untyped-call]

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
        ConfigError: if ``bits`` is unknown, the model does not write, its weights cannot be held so, or its
            configuration or tokenizer is out of range.
        DataError: if its weights are damaged or incomplete.
        UnavailableError: if it cannot be found.
    """
    if bits not in get_args(Bits):
        raise ConfigError(f"bits: unknown value (got {bits!r}; choose from {', '.join(get_args(Bits))})")
    folder = pretrained.resolve(name)
    check_weights(folder)
    entries = read_config(folder)
    config = configuration(folder, entries)
    check_described(folder, entries)
    tokenizer = _tokenizer_of(folder)
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    try:
        network, report = kind.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **_options(bits),
        )
    except (OSError, SafetensorError) as error:
        raise DataError(f"{folder}: weights cannot be read ({first_line(error)})") from error
    except Exception as error:  # a configuration can be wrong in as many ways as there are networks
        raise ConfigError(f"{folder}: cannot write, or not in {bits} ({first_line(error)})") from error
    if report["missing_keys"]:
        raise DataError(f"{folder}: weights lack {', '.join(sorted(report['missing_keys'])[:3])}; fetch them again")
    if bits in ("fp32", "bf16"):
        check_finite(network, folder)
    writer = Writer(network.eval(), tokenizer, bits)
    _check_bits(writer)
    return writer


def _tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    if (folder / FILE).is_file():
        read_backend(folder)
    read_declared(folder)
    try:
        return _padded(AutoTokenizer.from_pretrained(folder, trust_remote_code=False))
    except Exception as error:  # what its classes raise has no common base but this one
        raise ConfigError(f"{folder}: its tokenizer cannot be read ({first_line(error)})") from error


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


def write_random(folder: Path, texts: Sequence[str], sizes: Mapping[str, Any] | None = None) -> None:
    """Write a model of phi-2's architecture that has learnt nothing, for its size, memory and speed alone.

    Args:
        folder: where to; it exists.
        texts: what its tokenizer is trained on, since phi-2's own is not here.
        sizes: those that replace phi-2's.
    """
    config = PhiConfig(**{**_PHI2, **(sizes or {})})
    tokenizer = _tokenizer(texts, config.vocab_size)
    config.eos_token_id = config.bos_token_id = config.pad_token_id = tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, trust_remote_code=False)  # type: ignore[no-untyped-call]
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


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
