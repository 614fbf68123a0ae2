"""Requests and replies of the service, and the interface of whatever answers them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, FailFast, Field

from finkd.experiments.service.limits import RefusedError


class Asked(BaseModel):
    """Texts to find the entities of."""

    model_config = ConfigDict(extra="forbid", strict=True)
    texts: Annotated[list[str], Field(min_length=1), FailFast()]
    min_score: Annotated[float, Field(ge=0, le=1, description="Entities of a lower score are left out.")] = 0


class Entity(BaseModel):
    """A named entity.

    ``start`` and ``end`` count characters of the text (Unicode code points); ``score`` is its probability.
    """

    start: int
    end: int
    label: str
    text: str
    score: float


class Answer(BaseModel):
    """The entities of each text, in order."""

    results: list[list[Entity]]


@dataclass
class Reply:
    """A reply to a client.

    Attributes:
        status: HTTP status.
        parts: the body, in parts that are dropped as they are sent.
    """

    status: int
    parts: list[bytes] = field(default_factory=list)

    @classmethod
    def refusal(cls, error: RefusedError) -> Reply:
        """Return the reply to a request that is not answered."""
        return cls(error.status, [json.dumps({"detail": str(error)}).encode()])

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.parts))


Done = Callable[[Reply | None], None]
"""Takes the reply, in another thread, exactly once; ``None`` if the request was cancelled."""


class Worker(Protocol):
    """Whatever does the work of requests."""

    types: tuple[str, ...]
    """Entity types that it finds."""

    @property
    def is_ready(self) -> bool:
        """Whether it can answer now."""

    def submit(self, body: bytes, done: Done) -> Callable[[], None]:
        """Begin the work of a request.

        Returns:
            what cancels it.
        """

    def close(self) -> None:
        """End, with all work cancelled."""
