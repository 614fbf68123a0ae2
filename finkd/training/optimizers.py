"""Build the optimizer groups."""

from __future__ import annotations

import torch
from torch import nn

from finkd.corpora.errors import ConfigError
from finkd.machine import processes
from finkd.models.model import Model
from finkd.training.schedule import Schedule


def optimizers(model: Model, projection: nn.Module | None, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Build fused AdamW, and lazy Adam for the token embeddings.

    A batch touches a few hundred of the embeddings' tens of thousands of rows. Updating only those saves a third of a
    small student's step on a CPU, and rows that were not seen neither decay nor drift. A decoder that is tied to the
    embeddings reaches all rows, and then they are AdamW's too; likewise where several GPUs exchange gradients, because
    NCCL knows no sparse ones.

    Raises:
        ConfigError: if no weight has a learning rate above 0.
    """
    rate = schedule.embedding_learning_rate
    rate = schedule.learning_rate if rate is None else rate
    table = model.embeddings.weight
    model.embeddings.requires_grad_(rate > 0)
    model.embeddings.sparse = not model.has_masked_head and not (table.is_cuda and processes.count() > 1)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    body = {id(parameter) for parameter in model.encoder.parameters()}
    for parameter in (*model.network.parameters(), *(projection.parameters() if projection else ())):
        if parameter is table:
            speed = 0.0 if model.embeddings.sparse else rate
        else:
            speed = schedule.learning_rate if id(parameter) in body else schedule.head_learning_rate
        if parameter.requires_grad and speed > 0:
            groups.setdefault((speed, parameter.ndim > 1), []).append(parameter)
    dense = [
        {"params": parameters, "lr": speed, "weight_decay": schedule.weight_decay if matrix else 0.0}
        for (speed, matrix), parameters in groups.items()
    ]
    if not dense:
        raise ConfigError(
            "schedule: nothing would be trained; expected a learning rate above 0 for weights that may change"
        )
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(dense, fused=True)]
    if rate > 0 and model.embeddings.sparse:
        found.append(torch.optim.SparseAdam([table], lr=rate))
    return found
