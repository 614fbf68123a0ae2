"""Language models that generate text, loaded in full or few bits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

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

from finkd.corpora.errors import ConfigError, DataError, first_line
from finkd.models import pretrained
from finkd.models.config_file import read_config
from finkd.models.loading import check_finite, configuration
from finkd.models.lookup import check_weights
from finkd.models.weight_files import check_described
from finkd.tokenization.tokenizer_file import FILE, read_backend, read_declared

Bits = Literal["fp32", "bf16", "int8", "nf4", "nf4-single", "fp4"]
"""Format of the weights: full; 8 bits (LLM.int8, Dettmers et al. 2022); 4-bit NormalFloat with scales quantized too
(QLoRA, Dettmers et al. 2023) or not; or 4-bit floating point."""

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
"""Published configuration of phi-2."""


@dataclass(frozen=True)
class Writer:
    """Language model with its tokenizer.

    Attributes:
        network: causal, or sequence-to-sequence.
        tokenizer: its tokenizer.
        bits: format of its weights.
    """

    network: Any
    tokenizer: PreTrainedTokenizerBase
    bits: Bits

    @property
    def room(self) -> int:
        """Most tokens of input and output together."""
        return int(getattr(self.network.config, "max_position_embeddings", None) or 1 << 20)

    @property
    def is_causal(self) -> bool:
        """Whether it is a causal model, which continues its input."""
        return not self.network.config.is_encoder_decoder

    @property
    def parameters(self) -> int:
        """Number of weights, of which two in 4 bits share a byte."""
        return sum(
            each.numel() * (2 if type(each).__name__ == "Params4bit" else 1) for each in self.network.parameters()
        )

    @property
    def bytes(self) -> int:
        """Bytes of all weights in memory, and of the scales that bitsandbytes holds beside them."""
        total = int(self.network.get_memory_footprint())
        for weight in self.network.parameters():
            state = getattr(weight, "quant_state", None)
            states = (state, getattr(state, "state2", None))
            kept = [getattr(each, name, None) for each in states for name in ("absmax", "code")]
            scales = (getattr(weight, "SCB", None), *kept)
            total += sum(each.nbytes for each in scales if isinstance(each, torch.Tensor))
        return total


def load_writer(name: str, bits: Bits = "bf16") -> Writer:
    """Load a language model from a folder, the cache or the hub.

    Raises:
        ConfigError: if the model does not generate text or does not support ``bits``, or its configuration or tokenizer
            is out of range.
        DataError: if its weights are damaged or incomplete.
        UnavailableError: if it cannot be found.
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it logs every product that it casts
    disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = pretrained.resolve(name)
    check_weights(folder)
    entries = read_config(folder)
    config = configuration(folder, entries)
    check_described(folder, entries)
    tokenizer = _load_tokenizer(folder)
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
    quantized = {"int8": "Linear8bitLt", "nf4": "Linear4bit", "nf4-single": "Linear4bit", "fp4": "Linear4bit"}.get(bits)
    if quantized and not any(type(module).__name__ == quantized for module in network.modules()):
        raise ConfigError(f"bits: nothing of this model was quantized to {bits}; choose another")
    return Writer(network.eval(), tokenizer, bits)


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer that pads on the left, so that all prompts of a batch end together."""
    if (folder / FILE).is_file():
        read_backend(folder)
    read_declared(folder)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.padding_side = "left"
    except Exception as error:  # its classes' errors have no common base
        raise ConfigError(f"{folder}: its tokenizer cannot be read ({first_line(error)})") from error
    return cast(PreTrainedTokenizerBase, tokenizer)


def _options(bits: Bits) -> dict[str, Any]:
    """Return the options of ``from_pretrained`` for a format of the weights."""
    match bits:
        case "fp32" | "bf16":
            return {"dtype": torch.float32 if bits == "fp32" else torch.bfloat16}
        case "int8":
            # Its products are in fp16 in any case.
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


def write_random(folder: Path, texts: Sequence[str], sizes: Mapping[str, Any] | None = None) -> None:
    """Write an untrained model of phi-2's architecture, to measure its size, memory and speed.

    Args:
        folder: an existing folder.
        texts: for training its tokenizer, since phi-2's own is not available.
        sizes: configuration entries that replace phi-2's.
    """
    config = PhiConfig(**{**_PHI2, **(sizes or {})})
    tokenizer = _train_tokenizer(texts, config.vocab_size)
    config.eos_token_id = config.bos_token_id = config.pad_token_id = tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, trust_remote_code=False)  # type: ignore[no-untyped-call]
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _train_tokenizer(texts: Sequence[str], size: int) -> PreTrainedTokenizerFast:
    """Train byte-level BPE with one special token, like phi-2's."""
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
    make: Any = PreTrainedTokenizerFast
    made = make(tokenizer_object=backend, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    return cast(PreTrainedTokenizerFast, made)
