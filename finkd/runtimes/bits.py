"""Runtimes of bitsandbytes: weights in 8 bits (LLM.int8, Dettmers et al. 2022) or 4 (QLoRA, Dettmers et al. 2023).

On a CPU they save memory, but no time.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForTokenClassification, BitsAndBytesConfig

from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted
from finkd.inference.pytorch import PreparedNetwork
from finkd.inference.tagger import Running
from finkd.machine.third_party import quiet
from finkd.models.architectures import register
from finkd.models.model import Model

_BLOCK = 64
"""Weights with one scale in 4 bits; rows of another length are quantized incorrectly."""


def bnb_int8(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network with linear layers in 8 bits and the head in fp32.

    Raises:
        ConfigError: if nothing became smaller.
    """
    config = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=["classifier"])  # type: ignore[no-untyped-call]
    return _loaded(model, scratch, "bnb-int8", config)


def nf4(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network with linear layers in 4-bit NormalFloat, scales quantized too, and the head in fp32.

    Raises:
        ConfigError: if a matrix has rows that do not fit, or nothing became smaller.
    """
    for name, module in model.encoder.named_modules():
        if isinstance(module, nn.Linear) and module.in_features % _BLOCK:
            raise ConfigError(
                f"nf4: {name} reads {counted(module.in_features, 'value')}, which is no multiple of {_BLOCK}; choose "
                "bnb-int8"
            )
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=["classifier"],
    )
    return _loaded(model, scratch, "nf4", config)


def _loaded(model: Model, scratch: Path, name: str, config: BitsAndBytesConfig) -> Running:
    """Save the model and load it again, since weights are quantized while they are loaded."""
    register()
    folder = scratch / "whole"
    if not folder.is_dir():
        folder.mkdir()
        model.save(folder)
    logging.getLogger("bitsandbytes.autograd").setLevel(logging.ERROR)  # it warns about fp16 at every product
    with quiet("bitsandbytes"):  # it recommends a package that downloads kernels
        network: Any = AutoModelForTokenClassification.from_pretrained(
            folder, quantization_config=config, use_safetensors=True, trust_remote_code=False
        )
    whole = 4 * sum(each.numel() for each in model.network.parameters())
    held = int(network.get_memory_footprint())
    if held >= whole:
        raise ConfigError(f"{name}: nothing of this model became smaller; choose onnx-int8")
    return Running(PreparedNetwork(replace(model, network=network.train(False))), held)
