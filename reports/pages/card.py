"""The card of a saved model in the form that Hugging Face reads: what it is, what it scores, and what it is not for."""

from __future__ import annotations

from huggingface_hub import EvalResult, ModelCardData

from finkd import corpora
from finkd.corpora.errors import UnknownNameError
from finkd.corpora.wording import counted
from finkd.records import HELD_OUT, RunRecord
from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.formats.markdown import escape
from finkd.reports.literature import cited
from finkd.reports.pages.templating import TEXTS
from finkd.reports.sections import base_model, configured_strategy, parts
from finkd.reports.table import number, plain


def card(record: RunRecord) -> str:
    """Return a model card as Markdown with a YAML head whose ``model-index`` holds the scores.

    Args:
        record: of the run that made the model.
    """
    lines = TEXTS.get_template("card.md.j2").render(
        name=escape(plain(record.system)),
        labelled_by=escape(plain(_labelled_by(record))),
        experiment=escape(plain(record.experiment)),
        notice=SAMPLE_NOTICE if record.sample else "",
        role=record.role,
        gives_case=_gives_case(record),
        base=escape(plain(base_model(record))),
        stages=[(escape(plain(stage.kind)), f"{stage.seconds:,.0f}", f"{stage.tokens:,}") for stage in record.lineage],
        works=[escape(work.full) for work in cited("strategies", configured_strategy(record))],
        corpus=escape(plain(record.corpus)),
        split=escape(plain(_split(record))),
        words=counted(record.scores.words, "word"),
        seed=record.seed,
        rows=_rows(record),
        overlap=f"{record.overlap:.1%}",
        licence=escape(plain(_licence(record.corpus))),
        texts=[escape(plain(name)) for name in record.corpora if name != record.corpus],
        sizes=_sizes(record),
        uncovered=counted(record.scores.uncovered_words, "word") if record.scores.uncovered_words else "",
        environment=[(escape(plain(str(k))), escape(plain(str(v)))) for k, v in sorted(record.environment.items())],
    )
    return f"---\n{_head(record).to_yaml()}\n---\n\n{lines}"


def _split(record: RunRecord) -> str:
    """Return what was scored: a split, or the part of the training documents that this seed has not learned."""
    of = parts(record)
    return record.split if of is None else f"{record.split} (part {record.seed} of {of}, not learned)"


def _labelled_by(record: RunRecord) -> str:
    """Return the teacher whose tags stood for gold; empty if gold was there."""
    return str(record.config["distill"]["teacher"]) if record.split == HELD_OUT else ""


def _head(record: RunRecord) -> ModelCardData:
    scores, corpus = record.scores, plain(record.corpus)
    metrics = {
        "precision": ("Precision (strict, micro)", scores.micro.precision),
        "recall": ("Recall (strict, micro)", scores.micro.recall),
        "f1": ("F1 (strict, micro)", scores.micro.f1),
        "macro-f1": ("F1 (strict, macro)", scores.macro_f1),
    }
    results = [
        EvalResult(
            task_type="token-classification",
            task_name="Named entity recognition",
            dataset_revision=plain(record.corpora.get(record.corpus, "")),
            metric_type=kind,
            metric_name=name,
            metric_value=round(value, 6),
            dataset_name=corpus,
            dataset_type=corpus,
            dataset_split=plain(_split(record)),
        )
        for kind, (name, value) in metrics.items()
        if value is not None and not _labelled_by(record)  # agreement with a teacher is no score
    ]
    return ModelCardData(
        language="en",
        library_name="finkd" if _gives_case(record) else "transformers",
        pipeline_tag="token-classification",
        license="other",
        base_model=plain(base_model(record)),
        tags=["finkd", "named-entity-recognition", "knowledge-distillation"],
        metrics=["f1", "precision", "recall"] if results else None,
        model_name=plain(record.system),
        eval_results=results or None,
        widget=[{"text": "Summit Foods named Priya Mercer as chief executive in Toronto."}],
    )


def _gives_case(record: RunRecord) -> bool:
    """Whether the model is given the case of words, which other libraries do not tell it."""
    return any(stage.kind == "embed-case" for stage in record.lineage)


def _rows(record: RunRecord) -> list[tuple[str, ...]]:
    """Return the scores of each type and of all, as text."""
    scores = record.scores
    named = [*scores.per_type.items(), ("all", scores.micro)]
    extra = {"names only": scores.names_only, "unseen": scores.unseen}
    named += [(name, counts) for name, counts in extra.items() if counts is not None]
    figures = [(name, (counts.precision, counts.recall, counts.f1), counts.gold) for name, counts in named]
    return [(escape(plain(name)), *(number(each, 3).text for each in three), f"{n:,}") for name, three, n in figures]


def _licence(corpus: str) -> str:
    """Licence of a corpus with a name; of a user's own nothing is known."""
    try:
        return corpora.corpora.get(corpus).licence
    except UnknownNameError:
        return "as you know it: the corpus is your own"


def _sizes(record: RunRecord) -> list[tuple[str, str]]:
    resources = record.resources
    shown = [
        ("Parameters", resources.parameters, "{:,}"),
        ("of them in the embeddings", resources.embedding_parameters, "{:,}"),
        ("Bytes on disk", resources.bytes, "{:,}"),
        ("Latency of a sentence, median (ms)", resources.latency_ms.get("p50"), "{:.2f}"),
        ("Latency of a sentence, 90th percentile (ms)", resources.latency_ms.get("p90"), "{:.2f}"),
        ("Words a second, batches of 32", resources.words_per_second, "{:,.0f}"),
        ("Entries of the vocabulary", record.vocabulary.get("size"), "{:,}"),
    ]
    busy = " (measured on a busy machine)" if resources.machine_busy else ""
    speeds = ("Latency", "Words")
    return [
        (name, form.format(value) + (busy if name.startswith(speeds) else ""))
        for name, value, form in shown
        if value is not None
    ]
