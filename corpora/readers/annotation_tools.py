"""Records as labelling tools export them, brought to one shape: ``text`` with ``spans`` of start, end and label.

Prodigy has that shape itself. Label Studio (JSON and JSON-MIN) and doccano (JSONL, with and without relations) have
others. What stands beside entities, such as relations or classes of a text, is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finkd.corpora.errors import quoted

_NOT_GOLD = ("reject", "ignore")
"""Answers of Prodigy's annotators that make a record no gold."""
WORDS = ("words", "tokens")
TAGS = ("tags", "ner_tags")
ENTITIES = ("label", "labels", "entities")
"""Keys under which tools keep entities; under the same ones doccano keeps the classes of a text, as strings."""
NUMBERS = (("id", "annotation_id"), ("_input_hash", "_annotator_id"))
"""Keys of the number of a text and of who annotated it, in Label Studio's JSON-MIN and in Prodigy."""


def left_out(record: Any) -> str | None:
    """Return why a record is no gold: its answer in Prodigy, or that nobody finished it in Label Studio."""
    if not isinstance(record, Mapping):
        return None
    if record.get("answer") in _NOT_GOLD:
        return str(record["answer"])
    if _is_label_studio(record) and not any(map(_is_finished, record["annotations"])):
        return "cancelled"
    return None


def text_number(record: Any) -> tuple[str, str] | None:
    """Return what identifies the text of a record, of which a tool exports one for each annotator."""
    for text, annotator in NUMBERS if isinstance(record, Mapping) else ():
        if record.get(text) is not None and record.get(annotator) is not None:
            return text, str(record[text])
    return None


def holds_labels(record: Any) -> bool | None:
    """Return whether a record is of labelled words or entities, and not only text, perhaps with a class.

    ``None``: it may be of either, as doccano keeps no entities and no classes alike.

    Example:
        >>> holds_labels({"text": "Acme fell", "label": [[0, 4, "ORG"]]})
        True
        >>> holds_labels({"text": "Acme fell", "label": ["sad"]})
        False
    """
    if not isinstance(record, Mapping):
        return False
    if _is_label_studio(record) or record.keys() & {*TAGS} or isinstance(record.get("spans"), list):
        return True
    found = _entities(record)
    return None if found == [] else found is not None and _holds_entities(found)


def common_shape(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record with ``text`` and ``spans``, if it is of a labelling tool; others as they are.

    Raises:
        ValueError: if a text was labelled twice, an entity has several labels, or offsets count HTML.

    Example:
        >>> common_shape({"text": "Acme fell", "label": [[0, 4, "ORG"]]})["spans"]
        [{'start': 0, 'end': 4, 'label': 'ORG'}]
    """
    if _is_label_studio(record):
        return _label_studio(record)
    found = _entities(record)
    if found is None or not isinstance(record.get("text"), str) or "spans" in record:
        return record
    return {**record, "spans": [span for each in found for span in _spans(each)]}


def _entities(record: Mapping[str, Any]) -> list[Any] | None:
    """Return the list that holds the entities of a text rather than its classes; ``None`` if there is no list."""
    lists = [record[key] for key in ENTITIES if isinstance(record.get(key), list)]
    if not lists and "annotation_id" in record and not any(isinstance(value, list) for value in record.values()):
        return []  # JSON-MIN has no key for no entities
    return min(lists, key=lambda found: (not _holds_entities(found), len(found) > 0), default=None)


def _holds_entities(found: Sequence[Any]) -> bool:
    return any(not isinstance(each, str) for each in found)


def _is_label_studio(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("data"), Mapping) and isinstance(record.get("annotations"), list)


def _is_finished(annotation: Any) -> bool:
    return isinstance(annotation, Mapping) and not annotation.get("was_cancelled")


def _label_studio(record: Mapping[str, Any]) -> Mapping[str, Any]:
    done = [each for each in record["annotations"] if _is_finished(each)]
    truths = [each for each in done if each.get("ground_truth")] or done
    if len(truths) > 1:
        raise ValueError(f"found {len(truths)} annotations; expected one, mark it as ground truth in Label Studio")
    results = [each for each in truths[0].get("result") or () if isinstance(each, Mapping)]
    if any(each.get("type") == "hypertextlabels" for each in results):
        raise ValueError("found labels of HTML (HyperTextLabels); expected labels of text, export the project as CoNLL")
    named = next((each.get("to_name") for each in results if each.get("type") == "labels"), None)
    texts = {key: value for key, value in record["data"].items() if isinstance(value, str)}
    text = texts.get("text", texts.get(str(named), next(iter(texts.values()), None)))
    if text is None:
        raise ValueError("found no text under data; expected one, such as data.text")
    spans = [span for each in results if each.get("type") == "labels" for span in _spans(each.get("value"))]
    return {"text": text, "spans": spans, "document": record.get("document")}


def _spans(value: Any) -> list[dict[str, Any]]:
    """Return the span, or none, that an entry of a tool holds."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 3:
        start, end, label = value
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(label, str)):
            raise ValueError(f"found the entity {quoted(list(value))}; expected [start, end, label]")
        return [{"start": start, "end": end, "label": label}]
    if not isinstance(value, Mapping):
        return [value]  # told of by the reader
    start, end = value.get("start", value.get("start_offset")), value.get("end", value.get("end_offset"))
    labels = value.get("labels", [value.get("label")])
    if not isinstance(labels, list) or len(labels) > 1:
        raise ValueError(f"found the labels {quoted(labels)} for one entity; expected one")
    return [{"start": start, "end": end, "label": label} for label in labels]
