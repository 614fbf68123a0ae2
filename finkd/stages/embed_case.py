"""The case of words, for models of an uncased vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from finkd.models.case_embeddings import check_caseless, embed_case
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Stage, StageResult


@dataclass(frozen=True)
class EmbedCase(Stage):
    """Give a model of an uncased vocabulary the case of each word, as an embedding beside that of its token.

    An uncased vocabulary holds more words in as many tokens, but names are known by their capitals (caps feature of
    Collobert et al. 2011, section 3.2.2; Chiu and Nichols, arXiv 1511.08308, section 2.4). Stages after this one teach
    the embeddings.
    """

    version: ClassVar[int] = 1

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check the architecture, and that the model is not given case yet."""
        check_caseless(spec.shape.family, gives_case=spec.gives_case)
        return replace(spec, gives_case=True)

    def run(self, model: Model, context: Context) -> StageResult:
        """The model that is given case."""
        return StageResult(embed_case(model))
