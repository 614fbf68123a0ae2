"""The nine tasks of GLUE (Wang et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from finkd.corpora.corpus import Source
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.tasks.task import Example, Hub, TextTask, tsv

_ORIGIN = "github.com/F0restL1n/BERT @ 0d0288be08079531c7b3a85af3d532f9adb0f13a, and the hub's nyu-mll/glue"
_SAMPLE = "github.com/ZhengxiangShi/PowerfulPromptFT @ b4ecdea060847115e9909b442ab4eb15bcb2a2c4: 8,999 and 1,000 rows"
_REFERENCE = "Wang et al. (2019)"
_USUAL = {"train": "train", "validation": "validation"}
_ENTAILMENT = ("entailment", "not_entailment")


def _task(
    name: str,
    labels: tuple[str, ...],
    texts: tuple[str, ...],
    splits: Mapping[str, tuple[str, str]],
    *,
    metrics: tuple[str, ...] = ("accuracy",),
    licence: str = "research use",
    columns: Sequence[str] = (),
    header: Sequence[str] = (),
    hub_splits: Mapping[str, str] = _USUAL,
    samples: tuple[str, ...] = (),
) -> TextTask:
    """Make one entry from the file and checksum of each split.

    Args:
        name: registry name.
        labels: as in ``TextTask``; a file holds them by name or by number.
        texts: columns of the texts on the hub.
        splits: split -> file and checksum.
        metrics: as in ``TextTask``.
        licence: terms of use.
        columns: columns of the file, texts first, then the label; by default ``texts`` and ``label``.
        header: names of all columns of a file without a header.
        hub_splits: as in ``Hub``.
        samples: as in ``TextTask``.
    """

    def examples(path: Path) -> Iterator[Example]:
        is_json = ".json" in path.suffixes
        names = ("text_a", "text_b", "label") if is_json else columns or (*texts, "label")
        for row in read_json(path).values() if is_json else tsv(path, header):
            *found, label = (str(row[column]) for column in names)
            value = float(labels.index(label) if label in labels else label)
            yield Example(found[0], found[1] if len(found) > 1 else "", value)

    return TextTask(
        name=name,
        origin=_SAMPLE if samples else _ORIGIN,
        licence=licence,
        reference=_REFERENCE,
        files={f"glue/{file}": Source(checksum) for file, checksum in splits.values()},
        labels=labels,
        metrics=metrics,
        read=lambda find: {split: list(examples(find(f"glue/{file}"))) for split, (file, _) in splits.items()},
        hub=Hub("nyu-mll/glue", name.replace("-", ""), texts, hub_splits),
        samples=samples,
    )


COLA = _task(
    "cola",
    ("unacceptable", "acceptable"),
    ("sentence",),
    {
        "train": ("CoLA/train.tsv.gz", "a1208d9681949aa1869ae83503ba7cc147337c4a7e5e1c4d256215655c2b467f"),
        "validation": ("CoLA/dev.tsv.gz", "6e0f6affc5e5e722ad60572e4420eb58aef2edbcbf554ba35289d590af34cb82"),
    },
    metrics=("matthews",),
    header=("source", "label", "star", "sentence"),
)
SST2 = _task(
    "sst-2",
    ("negative", "positive"),
    ("sentence",),
    {
        "train": ("SST-2/train.tsv.gz", "7d35c8190bf12e4b0ff3b42954bf65412256bc4ff7042608512e9e664ed64bc7"),
        "validation": ("SST-2/dev.tsv.gz", "2b362b78d36eccad2d3304110e76d95a56654f860a5913f91fe4b12546d439b4"),
    },
)
MRPC = _task(
    "mrpc",
    ("not_equivalent", "equivalent"),
    ("sentence1", "sentence2"),
    {
        "train": ("MRPC/train.tsv.gz", "d50d62962609ceeaa2c0c64fef29146f71b518458444e64aad3fbacd24d21b76"),
        "validation": ("MRPC/dev.tsv.gz", "c81aa334edbae8886c47e4df391dded38c1eae5e295cc00217ec5eb805a401a9"),
    },
    metrics=("f1", "accuracy"),
    licence="Microsoft research terms",
    columns=("#1 String", "#2 String", "Quality"),
)
QQP = _task(
    "qqp",
    ("not_duplicate", "duplicate"),
    ("question1", "question2"),
    {
        "train": ("QQP/pcp_train.json.gz", "8cd562b4ff60c723d34a98a17ab4f70d29832fc2b8dbe3bb6edc81d29dc181b8"),
        "pcp-dev": ("QQP/pcp_dev.json.gz", "4a38a86e547d696a48b8a03bdc1f200b91587ae46f6b8e58c6c5df4798b57d16"),
    },
    metrics=("f1", "accuracy"),
    licence="Quora terms (non-commercial)",
    samples=("train", "pcp-dev"),
)
STSB = _task(
    "sts-b",
    (),
    ("sentence1", "sentence2"),
    {
        "train": ("STS-B/train.tsv.gz", "973cad77bfe119f27b81b0d846d3a1e713c67b649b0c3d8aa65059fac9da1019"),
        "validation": ("STS-B/dev.tsv.gz", "53018193fc2d2729ec6f2ae83aa9ea8ad2c379ba8511d293d763cfbe26eb26f2"),
    },
    metrics=("pearson", "spearman"),
    licence="see its LICENSE.txt",
    columns=("sentence1", "sentence2", "score"),
)
MNLI = _task(
    "mnli",
    ("entailment", "neutral", "contradiction"),
    ("premise", "hypothesis"),
    {
        "train": ("MNLI/pcp_train.json.gz", "2e8214003938a24f260b328b57384354ffa1ca2e6e8cef5718157c1976c5e2be"),
        "pcp-dev": ("MNLI/pcp_dev.json.gz", "5ce0d4f30b417f7d98afae6935a2660226eab09412c9a95cdd5727da2f74ef4d"),
    },
    licence="OANC, CC BY-SA and CC BY",
    hub_splits={"train": "train", "matched": "validation_matched", "mismatched": "validation_mismatched"},
    samples=("train", "pcp-dev"),
)
QNLI = _task(
    "qnli",
    _ENTAILMENT,
    ("question", "sentence"),
    {
        "train": ("QNLI/pcp_train.json.gz", "0b00abba4e025e3a6cd36f5e38a1c9d2759665a71b4c1bb4a2e50f0ed5ab1eaa"),
        "validation": ("QNLI/dev.tsv.gz", "3b4c8c8dd44ca8f5e25b84652aaf4f86b375e4146370e0874e2709306918fce8"),
    },
    licence="CC BY-SA 4.0",
    samples=("train",),
)
RTE = _task(
    "rte",
    _ENTAILMENT,
    ("sentence1", "sentence2"),
    {
        "train": ("RTE/train.tsv.gz", "3f4a66dd8d382ac6beb61407eb492fec84d8fb5b16f7d6d7eb07fb33133286c0"),
        "validation": ("RTE/dev.tsv.gz", "9d327343959fd4f4a9ea7e5e419a641ad4e45b3d4f65c42c796ae8198200cbb6"),
    },
)
WNLI = _task(
    "wnli",
    ("not_entailment", "entailment"),
    ("sentence1", "sentence2"),
    {
        "train": ("WNLI/train.tsv.gz", "e07cadf3252234d9bf9dff0d277d36c6d72a78680e3baa07cac7cec2d1a80126"),
        "validation": ("WNLI/dev.tsv", "cba00490596dd14be8cf53b4f53bb744abe3a7b89f81ab210528d80225338ed5"),
    },
)
