"""Models whose layers differ from their configuration."""

import torch

from finkd.compression.low_rank import decompose, matrices, with_ranks
from finkd.compression.pruning import keep_parts
from finkd.models.model import Model
from tests.finkd.toys import LABELS, tiny_model

TEXT = "The Borrower shall pay interest to Acme Corp."
FAMILIES = ["bert", "roberta", "distilbert"]


def slim_model(family: str = "bert", labels: tuple[str, ...] = LABELS) -> Model:
    """Three layers of other heads and units each, two of their matrices of low rank."""
    model = tiny_model(layers=3, labels=labels, family=family)
    model = keep_parts(model, "heads", [torch.tensor([1]), torch.tensor([0, 1]), torch.tensor([0])])
    model = keep_parts(model, "units", [torch.arange(8), torch.arange(64), torch.tensor([1, 5, 63])])
    found = {name: decompose(matrix.weight) for name, matrix in matrices(model).items()}
    return with_ranks(model, found, {"1.query": 3, "2.lowered": 2})
