"""Records as labelling tools export them, brought to one shape: ``text`` with ``spans`` of start, end and label.

Prodigy has that shape itself. Label Studio (JSON and JSON-MIN) and doccano (JSONL, with and without relations) have
others. What stands beside entities, such as relations or classes of a text, is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finkd.corpora.errors import DataError, listed, quoted
from finkd.corpora.readers.offsets import Offsets

_NOT_GOLD = ("reject", "ignore")
"""Answers of Prodigy's annotators that make a record no gold."""
WORDS = ("words", "tokens")
TAGS = ("tags", "ner_tags")
ENTITIES = ("label", "labels", "entities")
"""Keys under which tools keep entities; under the same ones doccano keeps the classes of a text, as strings."""
NUMBERS = (("id", "annotation_id"), ("_input_hash", "_annotator_id"))
"""Keys of the number of a text and of who annotated it, in Label Studio's JSON-MIN and in Prodigy."""
_CODECS: Mapping[Offsets, tuple[str, int]] = {
    "characters": ("utf-32-le", 4),
    "utf16": ("utf-16-le", 2),
    "bytes": ("utf-8", 1),
}
"""Encodings in which a unit of offsets has a fixed number of bytes."""


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


def with_one_text(records: Iterable[tuple[str, Any]], path: Path | str, offsets: Offsets) -> Iterator[tuple[str, Any]]:
    """Yield records; of those of Label Studio, ``data`` keeps the text that was labelled, which only all of them tell.

    Args:
        records: each with where it stands.
        path: of all of them, for messages.
        offsets: what the offsets of spans count.

    Raises:
        DataError: if there are several texts under ``data``, and the labelled words stand in none or several of them.
    """
    left = iter(records)
    for where, record in left:
        if not _is_label_studio(record):
            yield where, record
            continue
        every = [(where, record), *left]
        key = _labelled_key([each for _, each in every if _is_label_studio(each)], path, offsets)
        for place, each in every:
            one = {key: each["data"].get(key)} if _is_label_studio(each) else None
            yield place, each if one is None else {**each, "data": one}


def _labelled_key(tasks: Sequence[Mapping[str, Any]], path: Path | str, offsets: Offsets) -> str:
    """Return the key of the text in which the labelled words stand at their offsets; ``text`` where nothing tells."""
    fits, spans = Counter[str](), 0
    for task in tasks:
        values = [result.get("value") for result in _results(task["annotations"]) if result.get("type") == "labels"]
        spans += len(values)
        for key, text in task["data"].items():
            if isinstance(text, str):
                fits[key] += sum(_stands_in(text, value, offsets) for value in values)
    best = [key for key in fits if fits[key] == max(fits.values())]
    if "text" in best or not best:
        return "text"
    fit = 2 * fits[best[0]] > spans
    if len(fits) > 1 and (len(best) > 1 or not fit):
        found = f"in {listed(best)}" if fit else "in none of them"
        raise DataError(
            f"{path}: found the texts {listed(fits)} under data, and the labelled words {found}; expected them in one, "
            "take the others out"
        )
    return best[0]


def _stands_in(text: str, value: Any, offsets: Offsets) -> bool:
    """Return whether the words of a span stand at its offsets."""
    if not isinstance(value, Mapping):
        return False
    start, end, words = value.get("start"), value.get("end"), value.get("text")
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(words, str)):
        return False
    codec, width = _CODECS[offsets]
    whole, part = (each.encode(codec, "surrogatepass") for each in (text, words))
    return whole[width * start : width * end] == part


def _results(annotations: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what annotators marked."""
    for annotation in annotations:
        results = annotation.get("result") if isinstance(annotation, Mapping) else None
        yield from (each for each in results or () if isinstance(each, Mapping))


def _is_label_studio(record: Any) -> bool:
    if not isinstance(record, Mapping):
        return False
    return isinstance(record.get("data"), Mapping) and isinstance(record.get("annotations"), list)


def _is_finished(annotation: Any) -> bool:
    return isinstance(annotation, Mapping) and not annotation.get("was_cancelled")


def _label_studio(record: Mapping[str, Any]) -> Mapping[str, Any]:
    done = [each for each in record["annotations"] if _is_finished(each)]
    truths = [each for each in done if each.get("ground_truth")] or done
    if len(truths) > 1:
        raise ValueError(f"found {len(truths)} annotations; expected one, mark it as ground truth in Label Studio")
    results = list(_results(truths[:1]))
    if any(each.get("type") == "hypertextlabels" for each in results):
        raise ValueError("found labels of HTML (HyperTextLabels); expected labels of text, export the project as CoNLL")
    text = next((value for value in record["data"].values() if isinstance(value, str)), None)
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
