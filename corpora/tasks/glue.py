"""The nine tasks of GLUE (Wang et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from finkd.corpora.corpus import Find, Source
from finkd.corpora.tasks.reading import class_of, number_of, numbered, tsv
from finkd.corpora.tasks.task import Example, Hub, TextTask

Rows = Callable[[Path], Iterator[tuple[str, list[str]]]]

_ORIGIN = "github.com/F0restL1n/BERT @ 0d0288be08079531c7b3a85af3d532f9adb0f13a, and the hub's nyu-mll/glue"
_SAMPLE = "github.com/ZhengxiangShi/PowerfulPromptFT @ b4ecdea060847115e9909b442ab4eb15bcb2a2c4: 8,999 and 1,000 rows"
_REFERENCE = "Wang et al. (2019)"
_BINARY = {"0": 0, "1": 1}
_ENTAILMENT = {"entailment": 0, "not_entailment": 1}


def _classes(classes: Mapping[str, int]) -> Callable[[str, str], float]:
    return lambda where, label: float(class_of(where, label, classes))


def _similarity(where: str, label: str) -> float:
    return number_of(where, label, 0, 5)


def _task(
    name: str,
    title: str,
    labels: Sequence[str],
    metrics: Sequence[str],
    licence: str,
    checksums: Mapping[str, str],
    splits: Mapping[str, tuple[str, Rows]],
    label: Callable[[str, str], float],
    texts: tuple[str, ...],
    hub_splits: Mapping[str, str] | None = None,
    samples: tuple[str, ...] = (),
) -> TextTask:
    """One entry; ``splits`` maps each split to its file and to what reads its rows: texts first, then the label."""

    def read(find: Find) -> dict[str, list[Example]]:
        return {
            split: [_example(where, values, label) for where, values in rows(find(f"glue/{file}"))]
            for split, (file, rows) in splits.items()
        }

    return TextTask(
        name=name,
        title=title,
        origin=_SAMPLE if samples else _ORIGIN,
        licence=licence,
        reference=_REFERENCE,
        files={f"glue/{file}": Source(checksum) for file, checksum in checksums.items()},
        labels=tuple(labels),
        metrics=tuple(metrics),
        read=read,
        hub=Hub("nyu-mll/glue", name.replace("-", ""), texts, hub_splits or _USUAL),
        samples=samples,
    )


def _example(where: str, values: Sequence[str], label: Callable[[str, str], float]) -> Example:
    *texts, last = values
    return Example(texts[0], texts[1] if len(texts) > 1 else "", label(where, last))


_USUAL = {"train": "train", "validation": "validation"}
_PCP = partial(numbered, columns=("text_a", "text_b", "label"))


def _same(rows: Rows, train: str, validation: str) -> dict[str, tuple[str, Rows]]:
    return {"train": (train, rows), "validation": (validation, rows)}


COLA = _task(
    "cola",
    "acceptable English or not",
    ("unacceptable", "acceptable"),
    ("matthews",),
    "research use",
    {
        "CoLA/train.tsv.gz": "a1208d9681949aa1869ae83503ba7cc147337c4a7e5e1c4d256215655c2b467f",
        "CoLA/dev.tsv.gz": "6e0f6affc5e5e722ad60572e4420eb58aef2edbcbf554ba35289d590af34cb82",
    },
    _same(
        partial(tsv, columns=("sentence", "label"), header=("source", "label", "star", "sentence")),
        "CoLA/train.tsv.gz",
        "CoLA/dev.tsv.gz",
    ),
    _classes(_BINARY),
    ("sentence",),
)
SST2 = _task(
    "sst-2",
    "sentiment of film reviews",
    ("negative", "positive"),
    ("accuracy",),
    "research use",
    {
        "SST-2/train.tsv.gz": "7d35c8190bf12e4b0ff3b42954bf65412256bc4ff7042608512e9e664ed64bc7",
        "SST-2/dev.tsv.gz": "2b362b78d36eccad2d3304110e76d95a56654f860a5913f91fe4b12546d439b4",
    },
    _same(partial(tsv, columns=("sentence", "label")), "SST-2/train.tsv.gz", "SST-2/dev.tsv.gz"),
    _classes(_BINARY),
    ("sentence",),
)
MRPC = _task(
    "mrpc",
    "paraphrases in news",
    ("not_equivalent", "equivalent"),
    ("f1", "accuracy"),
    "Microsoft research terms",
    {
        "MRPC/train.tsv.gz": "d50d62962609ceeaa2c0c64fef29146f71b518458444e64aad3fbacd24d21b76",
        "MRPC/dev.tsv.gz": "c81aa334edbae8886c47e4df391dded38c1eae5e295cc00217ec5eb805a401a9",
    },
    _same(partial(tsv, columns=("#1 String", "#2 String", "Quality")), "MRPC/train.tsv.gz", "MRPC/dev.tsv.gz"),
    _classes(_BINARY),
    ("sentence1", "sentence2"),
)
QQP = _task(
    "qqp",
    "questions that ask the same",
    ("not_duplicate", "duplicate"),
    ("f1", "accuracy"),
    "Quora terms (non-commercial)",
    {
        "QQP/pcp_train.json.gz": "8cd562b4ff60c723d34a98a17ab4f70d29832fc2b8dbe3bb6edc81d29dc181b8",
        "QQP/pcp_dev.json.gz": "4a38a86e547d696a48b8a03bdc1f200b91587ae46f6b8e58c6c5df4798b57d16",
    },
    {"train": ("QQP/pcp_train.json.gz", _PCP), "pcp-dev": ("QQP/pcp_dev.json.gz", _PCP)},
    _classes(_BINARY),
    ("question1", "question2"),
    samples=("train", "pcp-dev"),
)
STSB = _task(
    "sts-b",
    "likeness of two sentences, 0 to 5",
    (),
    ("pearson", "spearman"),
    "see its LICENSE.txt",
    {
        "STS-B/train.tsv.gz": "973cad77bfe119f27b81b0d846d3a1e713c67b649b0c3d8aa65059fac9da1019",
        "STS-B/dev.tsv.gz": "53018193fc2d2729ec6f2ae83aa9ea8ad2c379ba8511d293d763cfbe26eb26f2",
    },
    _same(partial(tsv, columns=("sentence1", "sentence2", "score")), "STS-B/train.tsv.gz", "STS-B/dev.tsv.gz"),
    _similarity,
    ("sentence1", "sentence2"),
)
MNLI = _task(
    "mnli",
    "whether a sentence follows from another, in ten genres",
    ("entailment", "neutral", "contradiction"),
    ("accuracy",),
    "OANC, CC BY-SA and CC BY",
    {
        "MNLI/pcp_train.json.gz": "2e8214003938a24f260b328b57384354ffa1ca2e6e8cef5718157c1976c5e2be",
        "MNLI/pcp_dev.json.gz": "5ce0d4f30b417f7d98afae6935a2660226eab09412c9a95cdd5727da2f74ef4d",
    },
    {"train": ("MNLI/pcp_train.json.gz", _PCP), "pcp-dev": ("MNLI/pcp_dev.json.gz", _PCP)},
    _classes({"entailment": 0, "neutral": 1, "contradiction": 2}),
    ("premise", "hypothesis"),
    {"train": "train", "matched": "validation_matched", "mismatched": "validation_mismatched"},
    ("train", "pcp-dev"),
)
QNLI = _task(
    "qnli",
    "whether a sentence answers a question",
    ("entailment", "not_entailment"),
    ("accuracy",),
    "CC BY-SA 4.0",
    {
        "QNLI/pcp_train.json.gz": "0b00abba4e025e3a6cd36f5e38a1c9d2759665a71b4c1bb4a2e50f0ed5ab1eaa",
        "QNLI/dev.tsv.gz": "3b4c8c8dd44ca8f5e25b84652aaf4f86b375e4146370e0874e2709306918fce8",
    },
    {
        "train": ("QNLI/pcp_train.json.gz", _PCP),
        "validation": ("QNLI/dev.tsv.gz", partial(tsv, columns=("question", "sentence", "label"))),
    },
    _classes(_ENTAILMENT),
    ("question", "sentence"),
    samples=("train",),
)
RTE = _task(
    "rte",
    "whether a sentence follows from another, in news",
    ("entailment", "not_entailment"),
    ("accuracy",),
    "research use",
    {
        "RTE/train.tsv.gz": "3f4a66dd8d382ac6beb61407eb492fec84d8fb5b16f7d6d7eb07fb33133286c0",
        "RTE/dev.tsv.gz": "9d327343959fd4f4a9ea7e5e419a641ad4e45b3d4f65c42c796ae8198200cbb6",
    },
    _same(partial(tsv, columns=("sentence1", "sentence2", "label")), "RTE/train.tsv.gz", "RTE/dev.tsv.gz"),
    _classes(_ENTAILMENT),
    ("sentence1", "sentence2"),
)
WNLI = _task(
    "wnli",
    "what a pronoun stands for",
    ("not_entailment", "entailment"),
    ("accuracy",),
    "research use",
    {
        "WNLI/train.tsv.gz": "e07cadf3252234d9bf9dff0d277d36c6d72a78680e3baa07cac7cec2d1a80126",
        "WNLI/dev.tsv": "cba00490596dd14be8cf53b4f53bb744abe3a7b89f81ab210528d80225338ed5",
    },
    _same(partial(tsv, columns=("sentence1", "sentence2", "label")), "WNLI/train.tsv.gz", "WNLI/dev.tsv"),
    _classes(_BINARY),
    ("sentence1", "sentence2"),
)
