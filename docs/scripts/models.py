"""List families of encoders, and what finkd can do with each."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from finkd.corpora.errors import ConfigError
from finkd.corpora.tags import label_names
from finkd.models.families import FAMILIES, Family
from finkd.models.spec import ModelSpec
from finkd.strategies.parsing import parse
from finkd.teachers import kinds
from finkd.tokenization.vocabulary import train

OUT = Path(__file__).resolve().parents[1] / "reference"
ABILITIES = {
    "fine-tune, teach": "finetune",
    "choose layers": "truncate-layers",
    "narrow": "truncate-layers(width=8)",
    "replace the vocabulary": "replace-vocabulary(size=200)",
    "case of words": "embed-case",
    "factorize embeddings": "compress:factorize(rank=8)",
    "masked-LM": "adapt:gold",
    "prune": "compress:prune(by=magnitude)",
    "low rank": "compress:decompose(budget=0.5)",
    "tie layers": "compress:tie-layers",
    "quantize weights": "finetune > compress:quantize",
}
"""Column -> the stages that need it."""
LABELS = label_names(["ORG", "PER"])
_OWN_NAME = re.compile(r"'[a-z0-9-]+'")
HEAD = """# Models

Any encoder of `transformers` with a fast tokenizer can be a `start` or a teacher, by folder or hub id; these families
are tested, each on a tiny network of random weights (`finkd/models/families.py`, `tests/contracts/test_families.py`).
What a family cannot do is refused before any training. All of them are exported to ONNX in fp32 and in 8 bits. Made by
`make pages`.

A tagger can be a `start` too. If its labels are not those of the corpus, `replace-head` comes first: `head=map` keeps
the rows of its head that score the corpus's labels (`labels={PERSON: PER}` names what differs), `head=drop` none.

"""


TEACHERS = """## Finished taggers as teachers

`finkd distill --teacher NAME` and `teacher:` in a configuration take a tagger that finkd did not train. Its files tell
its kind, or `KIND:NAME` does. Labels may stand in any order and in IO, IOB1, IOB2 or BIOES;
`labels: {MISC: O, PERSON: PER}` (`--labels MISC=O,PERSON=PER`) names what differs, and `"*": O` all the rest. Hidden
states can be learned from the first kind alone.
"""


def files() -> dict[Path, str]:
    """Return the page: a table of families and abilities, and the reasons behind what is missing."""
    reasons: list[str] = []
    rows = [_row(family, reasons) for family in FAMILIES.values()]
    lines = [
        f"| Family | Example | {' | '.join(ABILITIES)} |",
        f"| :--- | :--- |{' :---: |' * len(ABILITIES)}",
        *rows,
        "",
    ]
    lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    lines += ["", TEACHERS, "| Kind | What it is |", "| :--- | :--- |"]
    lines += [f"| `{kind}` | {entry.summary} |" for kind, entry in kinds.entries().items()]
    return {OUT / "models.md": HEAD + "\n".join(lines) + "\n"}


def _row(family: Family, reasons: list[str]) -> str:
    tokenizer = train(["Acme Corp lent 25 million to the Borrower."] * 3, "wordpiece", 100)
    with tempfile.TemporaryDirectory() as folder:
        family.tiny(tokenizer).save(Path(folder))
        cells = list(_cells(ModelSpec.of(folder, LABELS), reasons))
    return f"| {family.title} | `{family.example}` | {' | '.join(cells)} |"


def _cells(spec: ModelSpec, reasons: list[str]) -> Iterator[str]:
    for strategy in ABILITIES.values():
        try:
            parse(strategy, {}).validate(spec)
        except ConfigError as error:
            reason = _OWN_NAME.sub("this family", str(error))
            if reason not in reasons:
                reasons.append(reason)
            yield f"no ({reasons.index(reason) + 1})"
        else:
            yield "yes"
