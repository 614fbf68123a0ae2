"""What a run shows while it goes on."""

import io
import itertools
import re
import time
from dataclasses import replace
from itertools import pairwise

from rich.console import Console
from rich.progress import Progress as Bar

from finkd.experiments.console.progress import Bars, figures, scored, shown
from finkd.experiments.running.events import Event
from finkd.progress import Progress
from finkd.records import RunRecord
from finkd.scores import Counts, NerScores
from tests.reports.tasks import task_record

RECORD = RunRecord("e", "small", "student", "finetune", "c", "test", 1, NerScores({"ORG": Counts(1, 2, 2)}))


def events(steps):
    yield Event("small", 1, "finetune")
    for step in range(1, steps + 1):
        yield Event("small", 1, "finetune", Progress(step, steps, 0.5, 100 * step, 2.0 * step))
    yield Event("small", 1, record=RECORD)


def test_a_score_of_nothing_is_a_dash():
    nothing = replace(RECORD, scores=NerScores({"ORG": Counts(0, 0, 0)}))
    assert scored(nothing) == "small (seed 1): micro-F1 –, macro-F1 –"
    assert scored(RECORD) == "small (seed 1): micro-F1 0.500, macro-F1 0.500"


def screen(steps, **options):
    console = Console(file=io.StringIO(), width=160, **options)
    with shown(console) as listen:
        for event in events(steps):
            listen(event)
    return console.file.getvalue()


def test_a_log_has_a_line_for_each_tenth_of_a_stage():
    lines = screen(237, force_terminal=False).splitlines()
    assert lines[0] == "small (seed 1) finetune: begins"
    assert len(lines) == 12
    assert lines[-2] == "small (seed 1) finetune: step 237/237, loss 0.500, 50 tokens/s, 0 s left"
    assert lines[-1] == "small (seed 1): micro-F1 0.500, macro-F1 0.500"


def test_a_slow_stage_has_a_line_for_each_half_minute(monkeypatch):
    clock = itertools.count(0, 7)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = screen(2, force_terminal=False).splitlines()
    assert len(lines) == 4
    clock = itertools.count(0, 7)
    steps = [
        int(line.split("/")[0].rpartition(" ")[2]) for line in screen(237, force_terminal=False).splitlines()[1:-1]
    ]
    assert max(after - before for before, after in pairwise(steps)) == 5  # 35 seconds


def test_a_short_stage_has_a_line_for_each_step():
    lines = screen(2, force_terminal=False).splitlines()
    assert [line.partition(",")[0] for line in lines[1:3]] == [f"small (seed 1) finetune: step {n}/2" for n in (1, 2)]


def test_a_terminal_gets_a_bar_and_keeps_the_scores():
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen(20, force_terminal=True))
    assert "20/20" in text
    assert "loss 0.500, 50 tokens/s" in text
    assert "small (seed 1): micro-F1 0.500, macro-F1 0.500" in text
    assert re.findall(r"\d+ s left|\d+:\d\d", text[text.rindex("20/20") :]) == ["0 s left"]


def test_a_training_that_goes_on_shows_the_speed_and_the_time_of_this_process():
    before = Progress(500, 1000, None, 500_000, 50_000.0)
    step = Progress(510, 1000, 0.5, 510_000, 50_020.0, before)
    assert figures(Event("small", 1, "finetune", step)) == "loss 0.500, 500 tokens/s, 980 s left"


def test_a_clock_may_skip_steps_and_a_teacher_reads_without_a_loss():
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    with shown(console) as listen:
        listen(Event("small", 1, "finetune"))
        for step, loss in ((1, None), (2, None), (1, 0.5), (33, 0.5), (33, 0.5), (100, 0.5)):
            listen(Event("small", 1, "finetune", Progress(step, 2 if loss is None else 100, loss, 10, 1.0)))
    lines = console.file.getvalue().splitlines()
    assert [line.split(": ")[1].partition(",")[0] for line in lines[1:]] == [
        *("step 1/2", "step 2/2", "step 1/100", "step 33/100", "step 100/100")
    ]
    assert "reads, 10 tokens/s" in lines[1]


def at_once(listen):
    """Two systems that learn one task at once, of one seed."""
    for system in ("small", "large"):
        listen(Event(system, 1, "finetune", task="cola"))
    for step in (1, 2):
        for system, steps in (("small", 2), ("large", 200)):
            listen(Event(system, 1, "finetune", Progress(step, steps, 0.5, 100 * step, 2.0 * step), task="cola"))


def test_lines_of_systems_that_learn_a_task_at_once_name_them():
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    with shown(console) as listen:
        at_once(listen)
        listen(Event("small", 1, task="cola", record=task_record("glue", "cola", "small", {"matthews": 0.5})))
    assert [line.partition(",")[0] for line in console.file.getvalue().splitlines()] == [
        "small on cola (seed 1) finetune: begins",
        "large on cola (seed 1) finetune: begins",
        "small on cola (seed 1) finetune: step 1/2",
        "small on cola (seed 1) finetune: step 2/2",
        "small on cola",
    ]


def test_systems_that_learn_a_task_at_once_have_a_bar_each():
    console = Console(file=io.StringIO(), width=160, force_terminal=True)
    with Bar(console=console) as progress:
        listen = Bars(progress)
        at_once(listen)
        assert [(task.completed, task.total) for task in progress.tasks] == [(2, 2), (2, 200)]
        listen(Event("large", 2, "finetune", task="cola"))  # the bar that is full makes room
        assert [task.completed for task in progress.tasks] == [2, 0]
        listen(Event("large", 1, task="cola", record=task_record("glue", "cola", "large", {"matthews": 0.5})))
        listen(Event("large", 2, "score", task="cola"))  # and so does that of a system that is scored
        assert [task.description for task in progress.tasks] == ["large on cola (seed 2) score"]
