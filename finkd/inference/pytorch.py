"""Runtimes of PyTorch: in fp32, in bf16, on a GPU, compiled, or with matrices in 8 bits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.data.encoding import Encoded
from finkd.inference.prediction import word_logits
from finkd.inference.tagger import Running
from finkd.machine.device import has_gpu
from finkd.machine.precision import in_precision
from finkd.machine.third_party import quiet
from finkd.models.model import Model
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class PreparedNetwork:
    """Tagger whose network is used as it is, on its own device.

    Attributes:
        model: the tagger.
    """

    model: Model

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""
        return self.model.tokenizer

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each output."""
        return self.model.labels

    @property
    def max_length(self) -> int:
        """Most tokens of an input."""
        return self.model.max_length

    def word_logits(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        """Compute (words, labels) logits at each word's first token; NaN for words that no token covers."""
        return np.asarray(word_logits(self.model, encoded))


def eager(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network in fp32."""
    return _running(PreparedNetwork(replace(model, network=model.network.train(False))))


def in_bf16(model: Model) -> PreparedNetwork:
    """Return a tagger with all weights and states in bf16."""
    return PreparedNetwork(replace(model, network=in_precision(model.network, "bf16").train(False)))


def on_gpu(model: Model) -> PreparedNetwork:
    """Return a tagger in bf16 on a GPU."""
    network = in_precision(model.network, "bf16").train(False)
    return PreparedNetwork(replace(model, network=network.to("cuda")))


def bf16(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network with all weights and states in bf16."""
    return _running(in_bf16(model))


def cuda(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network in bf16 on a GPU; raise ``ConfigError`` if there is none."""
    if not has_gpu():
        raise ConfigError("cuda: there is no GPU here; choose another runtime")
    return _running(on_gpu(model))


def compiled(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network compiled for any length."""
    network = model.copied().network
    network.compile(dynamic=True)  # in place, so that its class stays the same
    return _running(PreparedNetwork(replace(model, network=network.train(False))))


def int8(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network with linear layers in 8 bits, states quantized dynamically; embeddings stay in fp32.

    Raises:
        ConfigError: if this PyTorch cannot do it, or nothing became smaller.
    """
    dynamic = getattr(torch.ao.quantization, "quantize_dynamic", None)
    if dynamic is None:
        raise ConfigError("int8: this PyTorch has no dynamic quantization any more; choose onnx-int8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = dynamic(model.network, {nn.Linear}, dtype=torch.qint8)
    return _smaller("int8", model, network)


def torchao_int8(model: Model, scratch: Path, threads: int) -> Running:
    """Run the network with the encoder's linear layers in 8 bits by torchao, states quantized dynamically.

    Raises:
        ConfigError: if it is not installed, or nothing became smaller.
    """
    if find_spec("torchao") is None:
        raise ConfigError("torchao-int8: needs pip install 'finkd[torchao]'")
    with quiet("torchao"):  # it logs GPU kernels that it did not find
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        network = model.copied().network
        quantize_(network.base_model, Int8DynamicActivationInt8WeightConfig())
    return _smaller("torchao-int8", model, network)


def _smaller(name: str, model: Model, network: PreTrainedModel) -> Running:
    running = _running(PreparedNetwork(replace(model, network=network.train(False))))
    if running.bytes >= _held(model.network):
        raise ConfigError(f"{name}: nothing of this model became smaller; choose onnx-int8")
    return running


def _running(tagger: PreparedNetwork) -> Running:
    return Running(tagger, _held(tagger.model.network))


def _held(network: nn.Module) -> int:
    """Return the bytes of the weights, those of quantized layers included, whose ``weight`` is a function."""
    weights = [getattr(module, "weight", None) for module in network.modules()]
    return sum(map(_size, [*network.parameters(), *(weight() for weight in weights if callable(weight))]))


def _size(weight: Any) -> int:
    """Return the bytes of a tensor; one of torchao consists of others, but reports the element size of the original."""
    if hasattr(weight, "__tensor_flatten__"):
        return sum(_size(getattr(weight, name)) for name in weight.__tensor_flatten__()[0])
    return int(weight.numel() * weight.element_size())
