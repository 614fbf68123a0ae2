"""``finkd export``: write a saved tagger as an ONNX graph or a spaCy package."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.files import atomic_folder, check_replaceable
from finkd.corpora.wording import counted
from finkd.experiments.configuration.layout import RUNS
from finkd.experiments.console.options import Json, Split, Threads, refuse_idle
from finkd.experiments.console.terminal import say, show_json
from finkd.experiments.extras import check_extra

if TYPE_CHECKING:
    from finkd.corpora.corpus import NerData
    from finkd.export.onnx_tagger import OnnxTagger
    from finkd.inference.tagger import Tagger
    from finkd.models.model import Model

To = Literal["onnx", "onnx-int8", "spacy"]
_APPLIES: dict[str, tuple[To, ...]] = {
    "corpus": ("onnx", "onnx-int8"),
    "split": ("onnx", "onnx-int8"),
    "calibrate": ("onnx-int8",),
    "name": ("spacy",),
    "version": ("spacy",),
}


def export(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder of the tagger, such as runs/NAME/models/SYSTEM-seed-1.")],
    to: Annotated[To, typer.Option(help="An ONNX graph, one in 8 bits, or a spaCy pipeline that pip installs.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write. (default: MODEL-TO, or runs/exported)")] = None,
    corpus: Annotated[str | None, typer.Option(help="Labelled corpus to compare on. (default: sample)")] = None,
    split: Split = None,
    calibrate: Annotated[
        int | None,
        typer.Option(min=0, help="Sentences to calibrate on. (default: 0, dynamic)"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of a spaCy package, behind en_. (default: finkd_ner)")] = None,
    version: Annotated[str | None, typer.Option(help="Version of a spaCy package. (default: 0.1.0)")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Export a tagger, and compare what it says with the model's own words.

    A graph that is not in 8 bits and labels a word otherwise than the model is not written.

    The tokenizer lies beside a graph; 'finkd predict', 'finkd serve' and 'finkd evaluate' read graphs too. A spaCy
    package may hold a graph: export that one.

    Example: finkd export runs/quickstart/models/teacher-seed-1 --to onnx-int8
    """
    refuse_idle(context, f"with --to {to}", *(name for name, kinds in _APPLIES.items() if to not in kinds))

    if to != "spacy":
        check_extra("export")

    from finkd.models.pretrained import resolve

    source = resolve(model).resolve()
    beside = source.parent if Path(model).is_dir() else RUNS / "exported"
    folder = out or beside / f"{source.name}-{to}"
    check_replaceable(folder, source, corpus)
    if to != "spacy":
        _graph(source, folder, to, corpus or "sample", split, calibrate or 0, json=json)
        return

    from finkd.export.spacy import export_spacy

    name = name or "finkd_ner"
    export_spacy(source, folder, name, version or "0.1.0")
    if json:
        show_json({"folder": str(folder)})
    else:
        say(f"wrote {folder}; next: {shlex.join(['pip', 'install', str(folder)])}, then spacy.load('en_{name}')")


def _graph(
    source: Path,
    folder: Path,
    to: Literal["onnx", "onnx-int8"],
    corpus: str,
    split: str | None,
    calibrate: int,
    *,
    json: bool,
) -> None:
    """Write a graph, and compare its labels with the model's on a corpus."""
    from finkd.experiments.configuration.splits import load_split
    from finkd.export.onnx_export import export_onnx
    from finkd.export.onnx_tagger import load_onnx
    from finkd.models.loading import load_model

    data, split = load_split(corpus, split)
    tagger = load_model(source)
    train = data.splits.get("train", ())
    if calibrate and not train:
        raise ConfigError(f"--calibrate: {corpus} has no training split")
    with atomic_folder(folder) as unfinished:
        export_onnx(tagger, unfinished, to, train[:calibrate])
        say(f"comparing it with the model on {corpus}, {split} split (--corpus names another one)")
        found = _compared(load_onnx(unfinished), tagger, data, split)
        if to == "onnx" and found["differing"]:
            raise DataError(
                f"{folder}: not written, since {found['differing']} of {counted(found['words'], 'word')} of {corpus} "
                f"get another label than the model's (logits differ by at most {found['largest']:.2g})"
            )
    sizes = {"bytes": sum(each.stat().st_size for each in folder.iterdir())}
    if json:
        show_json({"folder": str(folder), **sizes, **found})
        return
    say(f"wrote {folder}, {sizes['bytes'] / 1e6:.1f} MB")
    say(
        f"{found['differing']} of {counted(found['words'], 'word')} of {corpus} get another label than the model's "
        f"({found['differing'] / max(1, found['words']):.1%}); logits differ by at most {found['largest']:.2g}"
    )
    if found["f1"]:
        from finkd.reports.table import number

        exported, model = (number(found["f1"][name], 4).text for name in ("exported", "model"))
        say(f"strict micro-F1: {exported}, of the model {model}")


def _compared(exported: OnnxTagger, model: Model, data: NerData, split: str) -> dict[str, Any]:
    from finkd.evaluation.ner import evaluate
    from finkd.experiments.configuration.splits import has_labels
    from finkd.export.onnx_tagger import parity

    sentences = data.splits[split]
    scores = None
    if has_labels(model.labels, data.types):
        taggers: dict[str, Tagger] = {"exported": exported, "model": model}
        scores = {name: evaluate(sentences, each, data.types).micro.f1 for name, each in taggers.items()}
    return {**dataclasses.asdict(parity(exported, model, sentences)), "f1": scores}
