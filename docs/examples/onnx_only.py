"""Find the entities of a text with an exported tagger, without finkd: ``python onnx_only.py FOLDER TEXT``.

Needs ``pip install numpy onnxruntime tokenizers``. Prints a line of JSON for each entity; offsets count characters.
On an old processor without VNNI, sums in 8 bits overflow a little unless SessionOptions has the entry
``session.x64quantprecision=1``.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

Spans = list[tuple[int, int]]
W = r"[\w\u0300-\u036f]"  # letters, digits, and accents that are characters of their own
ENDING = rf"['’](?:[sS]|re|ve|ll|m|d)(?!{W})"
PARTS = [  # nearly the words of spaCy's rules for English, which finkd reads
    rf"(?:Mrs?|Ms|Dr|St|Jr|Bros|Inc|Corp|Co|Ltd)\.(?!{W})|(?:[A-Za-z]\.)+(?!{W})",
    rf"n['’]t(?!{W})|{W}+?(?=n['’]t(?!{W}))|{ENDING}",
    r"[0-9]+(?:[.,/][0-9]+)*(?:st|nd|rd|th|s)?",
    rf"{W}+(?:(?!{ENDING})[.&'’]{W}+|-[0-9]+)*",
    r"\.\.+|--+|\S",
]
WORD = re.compile("|".join(PARTS))
RUN = re.compile(rf"(?:(?!_){W})+")


def sentences(text: str) -> Iterator[Spans]:
    """Yield the words of each sentence, which ends after ``.``, ``!`` or ``?`` and the signs that follow it."""
    words: Spans = []
    is_over = False
    for found in WORD.finditer(text):
        is_sign = unicodedata.category(found[0][0]).startswith("P")
        if is_over and (not is_sign or text[words[-1][1] : found.start()] not in ("", " ")):
            yield words
            words, is_over = [], False
        words.append(found.span())
        is_over = is_over or found[0] in (".", "!", "?")
    if words:
        yield words


def case(run: str) -> int:
    """Return the case of letters and digits: 0 none, 1 lower, 2 Initial, 3 UPPER, 4 miXed, 5 one capital letter."""
    capitals = [letter.isupper() or letter.istitle() for letter in run]
    has_small = any(map(str.islower, run))
    if not any(capitals):
        return int(has_small)
    if not has_small:
        return 5 if sum(map(str.isalnum, run)) == 1 else 3
    return 2 if sum(capitals) == 1 and capitals[0] else 4


def decode(scores: npt.NDArray[np.float64], labels: list[str]) -> list[str]:
    """Find the labels with the highest sum of scores in which I-X follows only B-X and I-X (Viterbi)."""
    follows = np.array([[not after.startswith("I-") or after[2:] == label[2:] for after in labels] for label in labels])
    best = np.where(follows[labels.index("O")], scores[0], -np.inf)
    steps = []
    for row in scores[1:]:
        options = np.where(follows, best[:, None], -np.inf)
        steps.append(options.argmax(axis=0))
        best = options.max(axis=0) + row
    path = [best.argmax()]
    for step in reversed(steps):
        path.append(step[path[-1]])
    return [labels[place] for place in reversed(path)]


def entities(folder: Path, text: str) -> Iterator[dict[str, Any]]:
    """Yield the entities of a text in order."""
    config, limits = (json.loads((folder / f"{name}config.json").read_bytes()) for name in ("", "tokenizer_"))
    labels = [config["id2label"][str(place)] for place in range(len(config["id2label"]))]
    outside = np.where(np.array(labels) == "O", 0.0, -1e6)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    graph = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    cases = {place: case(run[0]) for run in RUN.finditer(text) for place in range(*run.span())}
    for words in sentences(text):
        shift = words[0][0]
        encoding = tokenizer.encode(text[shift : words[-1][1]])
        if len(encoding) > limits["model_max_length"]:
            sys.exit(f"a sentence has {len(encoding)} tokens; this model reads {limits['model_max_length']} at most")
        tokens = [(start + shift, end + shift) for start, end in encoding.offsets]
        # Some models of uncased tokens are given the case of the word that each token begins in.
        types = [next((cases.get(at, 0) for at in range(*span) if not text[at].isspace()), 0) for span in tokens]
        inputs = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": types}
        logits = graph.run(None, {each.name: np.array([inputs[each.name]]) for each in graph.get_inputs()})[0][0]
        # The scores of a word are those of the first token that touches it; a word without one is O.
        pairs = list(zip(logits, tokens, strict=True))
        scores = [
            next((row for row, (first, last) in pairs if max(first, start) < min(last, end)), outside)
            for start, end in words
        ]
        found: list[tuple[str, int, int]] = []
        for (start, end), label in zip(words, decode(np.array(scores, np.float64), labels), strict=True):
            if label.startswith("B-"):
                found.append((label[2:], start, end))
            elif label.startswith("I-"):
                found[-1] = (*found[-1][:2], end)
        yield from ({"text": text[s:e], "label": label, "start": s, "end": e} for label, s, e in found)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not Path(sys.argv[1], "model.onnx").is_file():
        sys.exit("usage: python onnx_only.py FOLDER TEXT; finkd export TAGGER --to onnx-int8 --out FOLDER makes one")
    for entity in list(entities(Path(sys.argv[1]), sys.argv[2])):
        print(json.dumps(entity, ensure_ascii=False, separators=(",", ":")))
