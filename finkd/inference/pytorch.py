"""PyTorch: as it comes, in bf16, compiled, or with matrices in 8 bits."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedModel

from finkd.corpora.errors import ConfigError
from finkd.data.encoding import Encoded
from finkd.inference.prediction import word_logits
from finkd.inference.runtime import Running
from finkd.models.model import Model
from finkd.system.precision import in_precision
from finkd.system.third_party import quiet
from finkd.tokenization.tokenizer import Tokenizer


@dataclass(frozen=True)
class Prepared:
    """A tagger whose network is ready, and is not prepared again for each text.

    Attributes:
        model: the tagger; its network stays where it is.
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
        """Tokens that it reads at most."""
        return self.model.max_length

    def word_logits(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        """(words, labels) scores of every word, at its first token; NaN for words that no token covers."""
        return np.asarray(word_logits(self.model, encoded, device=self.model.network.device.type))


def eager(model: Model, scratch: Path, threads: int) -> Running:
    """The network as it comes."""
    return _running(model, model.network)


def in_bf16(model: Model) -> Prepared:
    """A tagger with all weights and states in bf16."""
    return Prepared(replace(model, network=in_precision(model.network, "bf16").train(False)))


def on_gpu(model: Model) -> Prepared:
    """The same, on a GPU."""
    network = in_precision(model.network, "bf16").train(False)
    return Prepared(replace(model, network=network.to("cuda")))


def bf16(model: Model, scratch: Path, threads: int) -> Running:
    """All weights and states in bf16."""
    tagger = in_bf16(model)
    return Running(tagger, _held(tagger.model.network))


def cuda(model: Model, scratch: Path, threads: int) -> Running:
    """The network in bf16 on a GPU.

    Raises:
        ConfigError: if there is none.
    """
    if not torch.cuda.is_available():
        raise ConfigError("cuda: there is no GPU here; choose another runtime")
    tagger = on_gpu(model)
    return Running(tagger, _held(tagger.model.network))


def compiled(model: Model, scratch: Path, threads: int) -> Running:
    """The network compiled for any length."""
    network = copy.deepcopy(model.network)
    network.compile(dynamic=True)  # in place, so that it stays what it is called
    return _running(model, network)


def int8(model: Model, scratch: Path, threads: int) -> Running:
    """The layers' matrices in 8 bits, states as they come; embeddings stay as they are.

    Raises:
        ConfigError: if this PyTorch cannot do it, or nothing became smaller.
    """
    dynamic = getattr(torch.ao.quantization, "quantize_dynamic", None)
    if dynamic is None:
        raise ConfigError("int8: this PyTorch has no dynamic quantization any more; choose onnx-int8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = dynamic(copy.deepcopy(model.network), {nn.Linear}, dtype=torch.qint8)
    return _smaller("int8", model, network)


def torchao_int8(model: Model, scratch: Path, threads: int) -> Running:
    """The layers' matrices in 8 bits, states rounded as they come, by torchao; the head and embeddings stay.

    Raises:
        ConfigError: if it is not installed, or nothing became smaller.
    """
    if find_spec("torchao") is None:
        raise ConfigError("torchao-int8: needs pip install 'finkd[torchao]'")
    with quiet("torchao"):  # it tells of kernels for GPUs that it did not find
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        network = copy.deepcopy(model.network)
        quantize_(network.base_model, Int8DynamicActivationInt8WeightConfig())
    return _smaller("torchao-int8", model, network)


def _smaller(name: str, model: Model, network: PreTrainedModel) -> Running:
    running = _running(model, network)
    if running.bytes >= _held(model.network):
        raise ConfigError(f"{name}: nothing of this model became smaller; choose onnx-int8")
    return running


def _running(model: Model, network: PreTrainedModel) -> Running:
    return Running(Prepared(replace(model, network=network.train(False))), _held(network))


def _held(network: nn.Module) -> int:
    """Bytes of the weights, packed ones too."""
    whole = sum(_size(each) for each in network.parameters())
    packed = 0
    for module in network.modules():
        weight: Any = getattr(module, "weight", None)
        if callable(weight):  # of a quantized layer
            packed += _size(cast(torch.Tensor, weight()))
    return whole + packed


def _size(weight: Any) -> int:
    """Bytes of a tensor; one that stands for others (torchao) says that it has the element size of the whole."""
    if hasattr(weight, "__tensor_flatten__"):
        return sum(_size(getattr(weight, name)) for name in weight.__tensor_flatten__()[0])
    return int(weight.numel() * weight.element_size())
