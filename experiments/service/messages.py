"""Requests and replies of the service, and the interface of whatever answers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, FailFast, Field

from finkd.experiments.service.limits import RefusedError

if TYPE_CHECKING:
    from finkd.inference.tagging import Tagged


@dataclass(frozen=True)
class Served:
    """A model that is served.

    Attributes:
        name: in addresses, answers and figures.
        types: entity types that it finds.
    """

    name: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Received:
    """A request as it came.

    Attributes:
        form: a key of ``forms.FORMS``.
        body: its bytes.
    """

    form: str
    body: bytes


class Asked(Protocol):
    """A request that was read."""

    @property
    def min_score(self) -> float:
        """Entities of a lower score are left out."""

    @property
    def texts(self) -> Sequence[str]:
        """Texts to find the entities of."""

    def answer(self, found: Iterable[Tagged], served: Served) -> Iterator[bytes]:
        """Yield the answer as JSON, in small parts, as the entities of one text after another are found."""


class TagRequest(BaseModel):
    """Texts to find the entities of."""

    model_config = ConfigDict(extra="forbid", strict=True)
    texts: Annotated[list[str], Field(min_length=1), FailFast()]
    min_score: Annotated[float, Field(ge=0, le=1, description="Entities of a lower score are left out.")] = 0

    def answer(self, found: Iterable[Tagged], served: Served) -> Iterator[bytes]:
        """Yield ``{"results": [[{"start", "end", "label", "text", "score"}, ...], ...]}``."""
        yield b'{"results":['
        for number, tagged in enumerate(found):
            yield b",[" if number else b"["
            for place, mention in enumerate(tagged.mentions):
                yield (b"," if place else b"") + as_json(asdict(mention))
            yield b"]"
        yield b"]}"


def as_json(value: Any) -> bytes:
    """Return a value as JSON without blanks, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


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

    served: Served
    """What it serves."""

    @property
    def is_ready(self) -> bool:
        """Whether it can answer now."""

    def submit(self, received: Received, done: Done) -> Callable[[], None]:
        """Begin the work of a request.

        Returns:
            what cancels it.
        """

    def close(self) -> None:
        """End, with all work cancelled."""
