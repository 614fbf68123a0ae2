"""Requests of Label Studio, to which the service is a machine-learning backend: it suggests entities to annotators.

Label Studio asks ``setup`` once for the name of the model, and ``predict`` for each batch of tasks. Both come with the
project's labelling interface, XML that says which tag holds the text and which one the labels. Its offsets count
characters (Unicode code points), as finkd's do. See Label Studio's manual, "Write your own ML backend".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, FailFast, Field, PrivateAttr

from finkd.experiments.service.limits import RefusedError
from finkd.experiments.service.messages import Served, as_json

if TYPE_CHECKING:
    from finkd.inference.tagging import Mention, Tagged

_EXPECTED = (
    'expected <Labels name="label" toName="text">, with a <Label value="..."/> for each entity type, '
    'and <Text name="text" value="$text"/>'
)


class Interface:
    """The part of a labelling interface that entities are put in.

    Args:
        xml: the interface.

    Attributes:
        labels_name: name of the tag ``Labels``.
        text_name: name of the tag ``Text``.
        key: of a task's data, under which its text is.
        labels: values of the labels.

    Raises:
        RefusedError: 422, if it does not label a text.

    Example:
        >>> xml = '<View><Text name="t" value="$body"/><Labels name="l" toName="t"><Label value="ORG"/></Labels></View>'
        >>> Interface(xml).key
        'body'
    """

    def __init__(self, xml: str) -> None:
        if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
            raise RefusedError(422, "labelling interface: expected XML without DOCTYPE and ENTITY")
        try:
            root = ElementTree.fromstring(xml)
        except ElementTree.ParseError as error:
            raise RefusedError(422, f"labelling interface: not XML ({error})") from error
        texts = {each.attrib["name"]: each.get("value", "") for each in root.iter("Text") if each.get("name")}
        found = [each for each in root.iter("Labels") if texts.get(each.get("toName", ""), "").startswith("$")]
        if len(found) != 1 or not found[0].get("name"):
            raise RefusedError(422, f"labelling interface: found {len(found)} tags Labels of a Text; {_EXPECTED}")
        self.labels_name, self.text_name = found[0].attrib["name"], found[0].attrib["toName"]
        self.key = texts[self.text_name].removeprefix("$")
        self.labels = frozenset(each.get("value", "") for each in found[0].iter("Label"))

    def check(self, served: Served) -> None:
        """Check that a model can suggest labels of this interface.

        Raises:
            RefusedError: 422, if it has none of them.
        """
        if self.labels.isdisjoint(served.types):
            raise RefusedError(
                422,
                f"labelling interface: none of its labels {', '.join(sorted(self.labels))} "
                f"is an entity type of {served.name} ({', '.join(served.types)})",
            )

    def result(self, mention: Mention) -> dict[str, Any]:
        """Return an entity as a region of Label Studio."""
        return {
            "from_name": self.labels_name,
            "to_name": self.text_name,
            "type": "labels",
            "score": mention.score,
            "value": {"start": mention.start, "end": mention.end, "text": mention.text, "labels": [mention.label]},
        }


class SetupRequest(BaseModel):
    """What Label Studio sends when the backend is connected: the labelling interface, as ``schema``."""

    model_config = ConfigDict(strict=True)
    interface: Annotated[str, Field(alias="schema")]
    texts: ClassVar[tuple[str, ...]] = ()
    min_score: ClassVar[float] = 0

    def answer(self, found: Iterable[Tagged], served: Served) -> Iterator[bytes]:
        """Yield the name of the model, if it has labels of this interface."""
        Interface(self.interface).check(served)
        yield as_json({"model_version": served.name})


class Task(BaseModel):
    """A text to annotate, under any key of ``data``."""

    data: dict[str, Any]


class PredictRequest(BaseModel):
    """Tasks for which Label Studio wants suggestions."""

    model_config = ConfigDict(strict=True)
    tasks: Annotated[list[Task], Field(min_length=1), FailFast()]
    label_config: str
    min_score: ClassVar[float] = 0
    _interface: Interface = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Read the labelling interface."""
        self._interface = Interface(self.label_config)

    @property
    def texts(self) -> list[str]:
        """The texts of the tasks.

        Raises:
            RefusedError: 422, if a task has none.
        """
        key = self._interface.key
        texts: list[str] = []
        for number, task in enumerate(self.tasks):
            if not isinstance(text := task.data.get(key), str):
                raise RefusedError(422, f"tasks.{number}.data.{key}: expected a text")
            texts.append(text)
        return texts

    def answer(self, found: Iterable[Tagged], served: Served) -> Iterator[bytes]:
        """Yield ``{"results": [{"result": [...], "score", "model_version"}, ...]}``.

        The score of a task is that of its least sure entity: annotators who sort by it see hard texts first.
        """
        interface = self._interface
        interface.check(served)
        yield b'{"results":['
        for number, tagged in enumerate(found):
            mentions = [each for each in tagged.mentions if each.label in interface.labels]
            yield b',{"result":[' if number else b'{"result":['
            for place, mention in enumerate(mentions):
                yield (b"," if place else b"") + as_json(interface.result(mention))
            score = min((each.score for each in mentions), default=1.0)
            yield b'],"score":%s,"model_version":%s}' % (as_json(score), as_json(served.name))
        yield b"]}"
