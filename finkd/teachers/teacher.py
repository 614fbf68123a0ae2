"""Finished models and ensembles, as stages learn from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from finkd.corpora.errors import ConfigError
from finkd.inference.tagger import AnyTagger
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.store import address
from finkd.teachers.ensemble import Ensemble
from finkd.teachers.finished_tagger import FinishedTagger


@dataclass(frozen=True)
class Teacher:
    """A teacher: a finished model, an ensemble, or a tagger of another kind.

    Attributes:
        key: content address of what it says.
        load: reads the model whose hidden states it shows; ``None`` if it has no such model.
        tagger: reads the tagger that labels text, if that is not the model.
        members: taggers whose mean it is, if it is an ensemble.
        model_key: content address of the model, if it is not ``key``.
        spec: what is known of the model before it is read, if anything is.
    """

    key: str
    load: Callable[[], Model] | None
    tagger: Callable[[], AnyTagger] | None = None
    members: tuple[Member, ...] = ()
    model_key: str = ""
    spec: ModelSpec | None = None

    @property
    def is_model(self) -> bool:
        """Whether it is one model, which scores the labels of the corpus by itself."""
        return self.tagger is None

    @property
    def states_key(self) -> str:
        """Content address of the model whose hidden states it shows."""
        return self.model_key or self.key

    def model(self, setting: str) -> Model:
        """Read its model.

        Args:
            setting: what asks for it, for messages.

        Raises:
            ConfigError: if it has none.
        """
        self.check_model(setting)
        return cast(Callable[[], Model], self.load)()

    def check_model(
        self,
        setting: str,
        instead: str = "learn from its labels alone (losses: {word-logits-kl: {temperature: 2}})",
    ) -> None:
        """Raise ``ConfigError`` if it has no model; see ``model``.

        Args:
            setting: what asks for it, for messages.
            instead: what to do where it has none.
        """
        if self.load is None:
            raise ConfigError(
                f"{setting}: reads hidden states or tokens of the teacher, of which only labels are known; {instead}"
            )

    def open_tagger(self) -> AnyTagger:
        """Read the tagger that labels text."""
        return self.model("teacher") if self.tagger is None else self.tagger()


@dataclass(frozen=True)
class Member:
    """Tagger of an ensemble.

    Attributes:
        teacher: the tagger.
        weight: in the mean of all members.
        trained_on: texts of the sentences that it was trained on, on which other members are asked; empty asks it
            everywhere.
    """

    teacher: Teacher
    weight: float = 1.0
    trained_on: frozenset[str] = frozenset()


def ensemble(members: Sequence[Member]) -> Teacher:
    """Return the ensemble of some taggers; its hidden states are those of the first that has a model."""
    material = [[member.teacher.key, member.weight, bool(member.trained_on)] for member in members]
    first = next((each.teacher for each in members if each.teacher.load is not None), None)

    def tagger() -> Ensemble:
        return Ensemble([each.teacher.open_tagger() for each in members], [each.weight for each in members])

    return Teacher(
        address({"ensemble": material, "version": 1}),
        first.load if first else None,
        tagger=tagger,
        members=tuple(members),
        model_key=first.states_key if first else "",
        spec=first.spec if first else None,
    )


def of_tagger(tagger: FinishedTagger) -> Teacher:
    """Return a tagger that finkd did not train, as a teacher."""
    material = {"tagger": tagger.source.key, "reading": [dict(tagger.reading.labels), tagger.reading.scheme]}
    key = address({**material, "labels": tagger.labels, "version": 2})
    source = tagger.source
    return Teacher(key, source.load, tagger=lambda: tagger, model_key=source.key, spec=source.spec)
