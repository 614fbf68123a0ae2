"""Measure how time and memory of a distillation grow with the text.

    FINKD_DATA=../shared/data python benchmarks/scaling.py --out docs/results/scaling
    python benchmarks/scaling.py --sentences 200 --sizes 1,2

A 3-layer student of the MiniLM teacher learns word labels and hidden states from raw text, read once (financial-text
where FINKD_DATA is set, else the sample text), with a vocabulary of 8,000 tokens that is trained beforehand and not
timed. Each size is a fresh process: drawing the sentences, tokenizing them for both models, and the
training. Memory is the peak of the process, and what it is with next to no text is told apart. Writes
``scaling.json`` and ``scaling.png`` into a folder, and prints the JSON.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from matplotlib.ticker import LogLocator, StrMethodFormatter

from benchmarks.shared import fresh, options, peak_mib, raw_text
from finkd import corpora
from finkd.corpora.tags import label_names
from finkd.data.batches import TrainingData
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.models.heads import with_head
from finkd.models.loading import load_model
from finkd.models.pretrained import DEFAULT
from finkd.models.truncation import keep_layers
from finkd.models.vocabulary_replacement import replace_vocabulary
from finkd.reports.figures import canvas
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.vocabulary import train as train_vocabulary
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import LiveTeacher
from finkd.training.trainer import train

SEED = 1
TOKENS = 8000
SMALL = 100
"""Sentences of a few whole batches."""


def main() -> None:
    """Measure every size in a process of its own, and show how they grow."""
    given = options(
        __doc__,
        sentences=(1500, "sentences of size 1"),
        sizes=("1,4,16", "multiples of them"),
        threads=2,
        out={"type": Path, "help": "folder for the figures and the picture"},
        hidden={"one": int, "vocabulary": Path},
    )
    if given.one:
        torch.set_num_threads(given.threads)
        print(json.dumps(measure(given.one, given.vocabulary)))
        return
    with tempfile.TemporaryDirectory() as folder:
        train_vocabulary(islice(corpora.stream(raw_text()), 20_000), "wordpiece", TOKENS).save(Path(folder))
        sizes = [SMALL, *(round(given.sentences * float(size)) for size in given.sizes.split(","))]
        how = ("--vocabulary", folder, "--threads", given.threads)
        runs = [fresh(__file__, "--one", size, *how, OMP_NUM_THREADS=str(given.threads)) for size in sizes]
    result = {"corpus": raw_text(), "threads": given.threads, "empty_mib": runs[0]["peak_mib"], "runs": runs[1:]}
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "scaling.json").write_text(json.dumps(result, indent=1) + "\n")
        (given.out / "scaling.png").write_bytes(_picture(result))
    print(json.dumps(result))


def measure(sentences: int, vocabulary: Path) -> dict[str, Any]:
    """Measure one size: seconds of each part, tokens that the student read, and the process's peak memory."""
    teacher = with_head(load_model(DEFAULT), label_names(("ORG",)), SEED)
    student = replace_vocabulary(keep_layers(teacher, (0, 2, 5)), Tokenizer.load(vocabulary))
    marks = [time.perf_counter()]
    text = list(corpora.sample_sentences(raw_text(), sentences, SEED, max_words=40))
    marks.append(time.perf_counter())
    data = TrainingData.of(text, student, teacher.labels, teacher)
    marks.append(time.perf_counter())
    losses = [WordLogitsKL(), AlignedHiddenStates()]
    tokens = train(student, data, losses, Schedule(epochs=1, dropout=0.0), SEED, LiveTeacher(teacher))
    marks.append(time.perf_counter())
    seconds = [later - earlier for earlier, later in itertools.pairwise(marks)]
    return {
        "sentences": sentences,
        "tokens": tokens,
        "seconds": dict(zip(("drawing", "cutting", "training"), (round(part, 3) for part in seconds), strict=True)),
        "peak_mib": peak_mib(),
    }


def _picture(result: dict[str, Any]) -> bytes:
    """Draw seconds of each part, and memory, against sentences; on logarithmic axes a slope of one is linear."""
    runs = result["runs"]
    sizes = [run["sentences"] for run in runs]
    with canvas.style():
        figure = canvas.new_figure(9, 4.4)
        seconds, memory = figure.subplots(1, 2)
        for part, colour in zip(runs[0]["seconds"], ("#0072B2", "#E69F00", "#009E73"), strict=True):
            seconds.loglog(sizes, [run["seconds"][part] for run in runs], "o-", color=colour, label=part)
        growth = [runs[0]["seconds"]["training"] * size / sizes[0] for size in sizes]
        seconds.loglog(sizes, growth, ":", color=canvas.INK, label="training, if linear")
        grown = [max(1, run["peak_mib"] - result["empty_mib"]) for run in runs]
        memory.loglog(sizes, grown, "o-", color="#D55E00", label="peak memory")
        memory.loglog(sizes, [grown[-1] * size / sizes[-1] for size in sizes], ":", color=canvas.INK, label="if linear")
        for axes, title in ((seconds, "seconds"), (memory, f"MiB beyond {SMALL} sentences")):
            axes.set_xlabel("sentences")
            axes.set_title(title, loc="left")
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
            axes.minorticks_off()
            axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
        figure.tight_layout()
        return canvas.png(figure)


if __name__ == "__main__":
    main()
