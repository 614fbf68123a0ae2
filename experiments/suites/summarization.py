"""Summarize dialogues with causal models, prompted or fine-tuned, in several precisions; and with baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, Literal

from pydantic import PositiveInt

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import atomic_folder
from finkd.corpora.tasks.dialogues import Dialogue, load_dialogues
from finkd.corpora.tasks.task import SplitData
from finkd.experiments.configuration.layout import MODELS, slug
from finkd.experiments.running.events import Event, ignored
from finkd.experiments.running.jobs import side_by_side
from finkd.experiments.suites.records import check_name, computed_once, settings_json, stored_record
from finkd.experiments.suites.request import Request, chosen
from finkd.machine.memory import PeakMemory
from finkd.records import Resources
from finkd.settings import build
from finkd.store import address
from finkd.suites.record import TaskRecord
from finkd.suites.summaries.extractive import BASELINES
from finkd.suites.summaries.lora import LoraSettings, fine_tuned
from finkd.suites.summaries.metrics import METRICS, summary_metrics
from finkd.suites.summaries.writers import Bits, Writer, load_writer, write_random
from finkd.suites.summaries.writing import Prompt, write

Method = Literal["zero-shot", "one-shot", "lora"]
Trained = tuple[Writer, float, int]
"""A writer, the seconds of its fine-tuning, and how many dialogues were too long for it."""


@dataclass(frozen=True)
class SummarySettings:
    """Settings of summarization: methods, numbers of bits and texts that are compared.

    Attributes:
        methods: prompts, and ``lora`` for a model that is fine-tuned; prompts are asked of the first of ``bits``.
        bits: how weights are held; ``lora`` is trained on each.
        beams: 1 is greedy; each is tried.
        longest: most tokens of a summary.
        batch: dialogues at once.
        dialogues: how many of the test split, from its beginning; ``None`` takes all.
        learnt: how many of the training split; ``None`` takes all.
        data: folder of a user's own dialogues (``finkd.corpora.tasks.dialogues``).
        random_weights: take a model of phi-2's architecture that has learnt nothing, for its size and speed alone.
        sizes: of that architecture, where they are not phi-2's.
        lora: how adapters are trained.
    """

    methods: tuple[Method, ...] = ("zero-shot", "one-shot", "lora")
    bits: tuple[Bits, ...] = ("bf16", "int8", "nf4", "fp4")
    beams: tuple[PositiveInt, ...] = (1, 4)
    longest: PositiveInt = 80
    batch: PositiveInt = 8
    dialogues: PositiveInt | None = None
    learnt: PositiveInt | None = None
    data: str | None = None
    random_weights: bool = False
    sizes: dict[str, Any] = field(default_factory=dict)
    lora: LoraSettings = field(default_factory=LoraSettings)


def summarization(request: Request) -> list[TaskRecord]:
    """Score the baselines, then the model with every method and in every precision of the settings.

    Raises:
        ConfigError: if a teacher is named, whom nothing here learns from.
    """
    chosen(request, ["summarization"])
    if request.teacher:
        raise ConfigError("--teacher: nothing of this suite learns from one")
    settings = build(SummarySettings, request.settings, "")
    data = load_dialogues(settings.data)
    test = data.splits["test"][: settings.dialogues]
    records = list(_baselines(request, data, test))
    if not settings.methods:
        return records
    model, origin = _random(request, data, settings) if settings.random_weights else (request.model, request.origin)
    check_name(request, origin)
    for bits in settings.bits:
        is_first = bits == settings.bits[0]
        for method in [each for each in settings.methods if is_first or each == "lora"]:
            for seed in request.seeds if method == "lora" else request.seeds[:1]:  # prompting is deterministic
                records += _Scoring(request, data, test, settings, model, origin, method, bits, seed).records()
    return records


def _random(request: Request, data: SplitData[Dialogue], settings: SummarySettings) -> tuple[str, str]:
    """Return folder and address of a model of random weights, which is kept in the store."""
    key = address({"version": 1, "random": settings.sizes, "data": data.fingerprint})
    texts = [dialogue.text for dialogue in data.splits["train"]]
    facts = {"kind": "random weights"}
    request.watched(data.name, request.seeds[0], "make random weights")
    made = request.store.made(key, facts, lambda folder: write_random(folder, texts, settings.sizes))
    return str(made.folder), key


def _frame(request: Request, data: SplitData[Dialogue], method: str, seed: int, test: Sequence[Dialogue]) -> TaskRecord:
    split = "test" if len(test) == len(data.splits["test"]) else f"first {len(test)} of test"
    metrics, headline = dict.fromkeys(METRICS), ("rouge1", "rouge2", "rougeL")
    return request.frame("summarization", data, split, method, seed, metrics=metrics, headline=headline)


def _baselines(request: Request, data: SplitData[Dialogue], test: Sequence[Dialogue]) -> Iterator[TaskRecord]:
    for name, baseline in BASELINES.items():
        frame = replace(_frame(request, data, name, request.seeds[0], test), system=name, role="baseline")
        request.watched(data.name, frame.seed, name)
        yield computed_once(
            request, frame, {"data": data.fingerprint}, partial(_scored, frame, test, map(baseline, test))
        )


def _scored(frame: TaskRecord, test: Sequence[Dialogue], written: Iterable[str]) -> TaskRecord:
    texts = tuple(written)
    metrics = summary_metrics(texts, [dialogue.summaries for dialogue in test])
    return replace(frame, metrics=metrics, texts=texts)


@dataclass(frozen=True)
class _Scoring:
    """One method to get summaries from a model, in one precision, by one seed, with every number of beams."""

    request: Request
    data: SplitData[Dialogue]
    test: Sequence[Dialogue]
    settings: SummarySettings
    model: str
    origin: str
    method: Method
    bits: Bits
    seed: int

    def records(self) -> list[TaskRecord]:
        """Return a record for each number of beams; a new process computes what lacks, to measure its memory."""
        listen = self.request.listen
        already = [stored_record(self.request, frame, self._decides) for frame in self._frames.values()]
        if None not in already:
            return [record for record in already if record is not None]
        alone = replace(self, request=replace(self.request, listen=ignored))
        return side_by_side(partial(_compute, alone), [self.seed], 1, listen)[self.seed]

    @property
    def _frames(self) -> dict[int, TaskRecord]:
        frames = {}
        for beams in self.settings.beams:
            name = "greedy" if beams == 1 else f"{beams} beams"
            method = f"{self.method}, {self.bits}, {name}"
            frames[beams] = replace(
                _frame(self.request, self.data, method, self.seed, self.test), config=settings_json(self.settings)
            )
        return frames

    @property
    def _decides(self) -> dict[str, Any]:
        settings = settings_json(self.settings)
        return {"model": self.origin, "data": self.data.fingerprint, "settings": settings, "seed": self.seed}

    def compute(self) -> list[TaskRecord]:
        """Return the records, in this process."""
        trained = cache(self._trained)
        return [
            computed_once(self.request, frame, self._decides, partial(self._made, frame, beams, trained))
            for beams, frame in self._frames.items()
        ]

    def _made(self, frame: TaskRecord, beams: int, trained: Callable[[], Trained]) -> TaskRecord:
        with PeakMemory() as memory:
            writer, seconds, skipped = trained()
            listen = self.request.watched(self.data.name, self.seed, f"write ({frame.method})")
            written = write(writer, self.test, self._prompt, beams, self.settings.longest, self.settings.batch, listen)
        words = sum(len(summary.split()) for summary in written.summaries)
        frame = replace(
            frame,
            learnt=len(self._learnt) - skipped if self.method == "lora" else 0,
            too_long=written.shortened,
            seconds=seconds,
            resources=Resources(
                parameters=writer.parameters,
                bytes=writer.bytes,
                words_per_second=words / written.seconds if written.seconds else None,
                peak_memory=memory.bytes,
            ),
        )
        if self.settings.random_weights:
            return frame  # what it writes says nothing
        return _scored(frame, self.test, written.summaries)

    def _trained(self) -> Trained:
        writer = load_writer(self.model, self.bits)
        if self.method != "lora":
            return writer, 0.0, 0
        listen = self.request.watched(self.data.name, self.seed, f"fine-tune ({self.bits})")
        tuned, seconds, skipped = fine_tuned(writer, self._learnt, self._prompt, self.settings.lora, self.seed, listen)
        if self.settings.random_weights:
            return tuned, seconds, skipped
        name = "-".join(map(slug, (self.data.name, self.request.system, "lora", self.bits, f"seed-{self.seed}")))
        with atomic_folder(self.request.out / MODELS / name) as folder:
            tuned.network.save_pretrained(folder)
        return tuned, seconds, skipped

    @property
    def _learnt(self) -> Sequence[Dialogue]:
        return self.data.splits["train"][: self.settings.learnt]

    @property
    def _prompt(self) -> Prompt:
        name = "zero-shot" if self.method == "lora" else self.method
        return Prompt.named(name, self.data.splits["train"][0])


def _compute(scoring: _Scoring, seed: int, listen: Callable[[Event], None]) -> list[TaskRecord]:
    return replace(scoring, request=replace(scoring.request, listen=listen), seed=seed).compute()
