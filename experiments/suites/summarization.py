"""Summaries of dialogues by models that write, prompted or fine-tuned, in few bits or whole; and floors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from pydantic import PositiveInt

from corpora.errors import ConfigError
from corpora.tasks.dialogues import Dialogue, DialogueData, load_dialogues
from experiments.suites.request import Request, chosen, kept, plain
from finkd import lineage
from finkd.memory import PeakMemory
from finkd.records import Resources
from finkd.settings import build
from finkd.suites.record import TaskRecord
from finkd.suites.summaries.floors import FLOORS
from finkd.suites.summaries.lora import LoraSettings, fine_tuned
from finkd.suites.summaries.metrics import METRICS, summary_metrics
from finkd.suites.summaries.prompt import Prompt
from finkd.suites.summaries.writers import Bits, Writer, load_writer, random_writer
from finkd.suites.summaries.writing import Written, write

Way = Literal["zero-shot", "one-shot", "lora"]


@dataclass(frozen=True)
class SummarySettings:
    """What is compared.

    Attributes:
        ways: prompts, and ``lora`` for a model that is fine-tuned; prompts are asked of the first of ``bits``.
        bits: how weights are held; ``lora`` is trained on each.
        beams: 1 is greedy; each is tried.
        longest: most tokens of a summary.
        batch: dialogues at once.
        dialogues: how many of the test split, from its beginning; ``None`` takes all.
        learnt: how many of the training split; ``None`` takes all.
        data: folder of a user's own dialogues (``corpora.tasks.dialogues``).
        random_weights: take a model of phi-2's architecture that has learnt nothing, for its size and speed alone.
        sizes: of that architecture, where they are not phi-2's.
        lora: how adapters are trained.
    """

    ways: tuple[Way, ...] = ("zero-shot", "one-shot", "lora")
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
    """Floors, then the model in every way and in every number of bits that is asked for.

    Raises:
        ConfigError: if a teacher is named, whom nothing here learns from.
    """
    chosen(request, ["summarization"])
    if request.teacher:
        raise ConfigError("--teacher: nothing of this suite learns from one")
    settings = build(SummarySettings, request.settings, "")
    data = load_dialogues(settings.data)
    test = data.splits["test"][: settings.dialogues]
    records = list(_floors(request, data, test))
    for bits in settings.bits:
        ways = settings.ways if bits == settings.bits[0] else [way for way in settings.ways if way == "lora"]
        for way in ways:
            records += _Way(request, data, test, settings, way, bits).records()
    return records


def _frame(request: Request, data: DialogueData, method: str, seed: int, test: Sequence[Dialogue]) -> TaskRecord:
    return TaskRecord(
        suite="summarization",
        task=data.name,
        split="test" if len(test) == len(data.splits["test"]) else f"first {len(test)} of test",
        system=request.system,
        role=request.role,
        method=method,
        seed=seed,
        metrics=dict.fromkeys(METRICS),
        headline=("rouge1", "rouge2", "rougeL"),
        samples=data.samples,
        fingerprint=data.fingerprint,
    )


def _floors(request: Request, data: DialogueData, test: Sequence[Dialogue]) -> Iterator[TaskRecord]:
    for name, floor in FLOORS.items():
        frame = replace(_frame(request, data, name, request.seeds[0], test), system=name, role="floor")
        request.watched(data.name, frame.seed, name)
        yield kept(request, frame, {"data": data.fingerprint}, partial(_by_floor, frame, test, floor))


def _by_floor(frame: TaskRecord, test: Sequence[Dialogue], floor: Callable[[Dialogue], str]) -> TaskRecord:
    return _scored(frame, test, [floor(dialogue) for dialogue in test])


def _scored(frame: TaskRecord, test: Sequence[Dialogue], written: Sequence[str]) -> TaskRecord:
    metrics = summary_metrics(written, [dialogue.summaries for dialogue in test])
    return replace(frame, metrics=metrics, texts=tuple(written))


@dataclass
class _Way:
    """One way to get summaries from a model, with all its beams; the model is loaded when it is first needed."""

    request: Request
    data: DialogueData
    test: Sequence[Dialogue]
    settings: SummarySettings
    way: Way
    bits: Bits
    trained: tuple[Writer, float, int] | None = None

    def records(self) -> Iterator[TaskRecord]:
        """One record for each number of beams and each seed, of which prompts have one."""
        for seed in self.request.seeds if self.way == "lora" else self.request.seeds[:1]:
            self.trained = None
            for beams in self.settings.beams:
                name = "greedy" if beams == 1 else f"{beams} beams"
                frame = _frame(self.request, self.data, f"{self.way}, {self.bits}, {name}", seed, self.test)
                frame = replace(frame, config=plain(self.settings))
                yield kept(self.request, frame, self._decides(seed), partial(self._made, frame, beams))

    def _decides(self, seed: int) -> dict[str, Any]:
        origin = "random" if self.settings.random_weights else lineage.origin(self.request.model)
        return {"model": origin, "data": self.data.fingerprint, "settings": plain(self.settings), "seed": seed}

    def _made(self, frame: TaskRecord, beams: int) -> TaskRecord:
        with PeakMemory() as memory:
            writer, seconds, skipped = self.trained = self.trained or self._trained(frame.seed)
            listen = self.request.watched(self.data.name, frame.seed, f"write ({frame.method})")
            found = write(writer, self.test, self._prompt, beams, self.settings.longest, self.settings.batch, listen)
        frame = replace(
            frame,
            learnt=self._learnt - skipped if self.way == "lora" else 0,
            too_long=found.shortened,
            seconds=seconds,
            resources=_resources(writer, found, memory.bytes),
        )
        if self.settings.random_weights:
            return frame  # what it writes says nothing
        return _scored(frame, self.test, found.summaries)

    def _trained(self, seed: int) -> tuple[Writer, float, int]:
        train = self.data.splits["train"]
        if self.settings.random_weights:
            writer = random_writer(self.bits, [dialogue.text for dialogue in train], self.settings.sizes)
        else:
            writer = load_writer(self.request.model, self.bits)
        if self.way != "lora":
            return writer, 0.0, 0
        listen = self.request.watched(self.data.name, seed, f"fine-tune ({self.bits})")
        learnt = train[: self.settings.learnt]
        return fine_tuned(writer, learnt, self._prompt, self.settings.lora, seed, listen)

    @property
    def _learnt(self) -> int:
        return len(self.data.splits["train"][: self.settings.learnt])

    @property
    def _prompt(self) -> Prompt:
        name = "zero-shot" if self.way == "lora" else self.way
        return Prompt.named(name, self.data.splits["train"][0])


def _resources(writer: Writer, found: Written, memory: int) -> Resources:
    words = sum(len(summary.split()) for summary in found.summaries)
    return Resources(
        parameters=writer.parameters,
        bytes=writer.bytes,
        words_per_second=words / found.seconds if found.seconds else None,
        peak_memory=memory,
    )
