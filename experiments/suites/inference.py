"""Time one pass over the development set of STS-B at batch 1, which papers print (Sanh et al. 2019, Table 3)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydantic import PositiveInt

from finkd.corpora.tasks import load_task
from finkd.corpora.tasks.task import Example
from finkd.experiments.suites.records import computed_once, settings_json
from finkd.experiments.suites.request import Request, chosen
from finkd.inference.prediction import read
from finkd.machine.device import has_gpu
from finkd.models.heads import with_text_head
from finkd.models.model import Model
from finkd.runtimes.resources import threads
from finkd.settings import build
from finkd.suites.reading import read_texts
from finkd.suites.record import TaskRecord

TASK = "sts-b"
_DEVICES = {"cpu": "one core", "cuda": "GPU"}


@dataclass(frozen=True)
class PassSettings:
    """Settings of a timed pass.

    Attributes:
        limit: most tokens of a pair.
        passes: timed ones, after one that is not; their median counts.
    """

    limit: PositiveInt = 128
    passes: PositiveInt = 3


def inference(request: Request) -> list[TaskRecord]:
    """Time passes in fp32 from text to score, on one core, and on a GPU if there is one.

    The head has learnt nothing: how long it takes does not depend on what it says.
    """
    chosen(request, [TASK])
    settings = build(PassSettings, request.settings, "")
    data = load_task(TASK)
    records = []
    for device in ("cpu", "cuda") if has_gpu() else ("cpu",):
        frame = request.frame(
            *("inference", data, "validation", _DEVICES[device], request.seeds[0]),
            metrics={"seconds": None},
            headline=("seconds",),
            samples=tuple(name for name in data.samples if name == "validation"),
            resources=request.resources,
            config=settings_json(settings),
        )
        decides = {"model": request.origin, "data": data.fingerprint, "settings": settings_json(settings)}
        made = partial(_timed, request, data.splits["validation"], settings, device, frame)
        records.append(computed_once(request, frame, decides, made))
    return records


def _timed(
    request: Request, pairs: Sequence[Example], settings: PassSettings, device: str, frame: TaskRecord
) -> TaskRecord:
    model = with_text_head(request.loaded, (), frame.seed)
    model.network.to(device)  # type: ignore[arg-type]
    request.watched(frame.task, frame.seed, f"{1 + settings.passes} passes on {frame.method}")
    with threads(1):
        seconds = [_pass(model, pairs, settings.limit) for _ in range(1 + settings.passes)][1:]
    return replace(frame, metrics={"seconds": statistics.median(seconds)}, predicted=tuple(seconds))


def _pass(model: Model, pairs: Sequence[Example], limit: int) -> float:
    """Return seconds from texts to scores, one pair at a time."""
    began = time.perf_counter()
    reading = read_texts(pairs, model.tokenizer, min(limit, model.max_length))
    for _, side in read(model, reading.encoded, batch_tokens=1):
        assert side.word_logits is not None
        side.word_logits.cpu()  # waits for a GPU
    return time.perf_counter() - began
