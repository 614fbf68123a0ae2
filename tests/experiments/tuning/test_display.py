"""What a study shows while it goes on."""

import io
import itertools

import pytest
from optuna.trial import TrialState
from rich.console import Console
from rich.progress import Progress

from finkd.experiments.running.events import Event
from finkd.experiments.tuning.display import LINE_SECONDS, Bars, Standing, StudyLines, shown
from finkd.experiments.tuning.worker_pool import Begun, TrialOutcome, Working
from finkd.progress import Progress as Step


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("finkd.experiments.tuning.display.monotonic", clock)
    return clock


def at(step, steps=100):
    return Event("student", 1, "finetune", Step(step=step, steps=steps, tokens=10, seconds=1.0, loss=0.5))


BEGINS = Event("student", 1, "finetune")
GOOD, BETTER, WORSE = (
    TrialOutcome(number, TrialState.COMPLETE, (f1,), "", 1) for number, f1 in enumerate((0.4, 0.5, 0.3))
)
STOPPED = TrialOutcome(3, TrialState.PRUNED, (), "", 1)
FAILED = TrialOutcome(4, TrialState.FAIL, (), "OSError: no space left", 2)


def test_lines_tell_of_the_study_its_workers_and_every_trial(clock):
    console = Console(file=io.StringIO(), width=200)
    lines = StudyLines(console, Standing(("f1",)))
    lines(Begun(0, 4, 2))
    lines(Working(0, BEGINS, 1))
    lines(Working(1, BEGINS, 2))
    lines(Working(0, at(10), 1))
    clock.now = 120.0
    lines(GOOD)
    lines(Working(2, BEGINS, 1))
    lines(Working(1, at(50), 2))
    lines(FAILED)
    assert console.file.getvalue().splitlines() == [
        "0 of 4 trials finished, time left unknown until a trial ends",
        "starting 2 workers",
        "0 of 4 trials finished, time left unknown until a trial ends",
        "worker 1: trial 0, student (seed 1) finetune",
        "worker 2: trial 1, student (seed 1) finetune",
        "trial 0: f1 0.4 (best 0.4, trial 0)",
        "1 of 4 trials finished, best 0.4, trial 0, about 6 min left",
        "worker 1: trial 2, student (seed 1) finetune",
        "worker 2: trial 1, student (seed 1) finetune",
        "trial 4: OSError: no space left",
    ]


def test_steps_make_a_line_now_and_then_and_not_each(clock):
    console = Console(file=io.StringIO(), width=200)
    lines = StudyLines(console, Standing(("f1",)))
    lines(Begun(0, 4, 1))
    for step in range(1, 101):
        clock.now = step * LINE_SECONDS / 50
        lines(Working(0, at(step), 1))
    shown_steps = [line for line in console.file.getvalue().splitlines() if line.startswith("worker 1")]
    assert shown_steps == [f"worker 1: trial 0, student (seed 1) finetune, step {step} of 100" for step in (1, 51)]


def test_the_best_trial_and_the_time_left_are_of_the_study(clock):
    standing = Standing(("f1",))
    standing.begins(Begun(10, 20, 2, (0.45, 7)))
    assert standing.summary() == "10 of 20 trials finished, best 0.45, trial 7, time left unknown until a trial ends"
    clock.now = 30.0
    assert standing.ends(GOOD) == "trial 0: f1 0.4 (best 0.45, trial 7)"
    assert standing.ends(BETTER) == "trial 1: f1 0.5 (best 0.5, trial 1)"
    assert standing.ends(WORSE) == "trial 2: f1 0.3 (best 0.5, trial 1)"
    assert standing.ends(FAILED) == "trial 4: OSError: no space left"
    assert standing.summary() == "13 of 20 trials finished, best 0.5, trial 1, about 70 s left"
    assert standing.ends(STOPPED) == "trial 3: stopped, worse than most"
    assert standing.finished == 14


def test_of_a_latency_the_lowest_is_the_best_and_of_two_goals_none():
    standing = Standing(("latency",))
    assert [standing.ends(each).partition("(")[2] for each in (GOOD, BETTER, WORSE)] == [
        "best 0.4, trial 0)",
        "best 0.4, trial 0)",
        "best 0.3, trial 2)",
    ]
    both = Standing(("f1", "size"))
    assert both.ends(TrialOutcome(0, TrialState.COMPLETE, (0.5, 1000.0))) == "trial 0: f1 0.5, size 1000"
    assert both.best is None


def test_bars_show_the_trials_and_what_each_worker_does(clock):
    progress = Progress(console=Console(file=io.StringIO(), width=200))
    bars = Bars(progress, Standing(("f1",)))
    bars(Begun(1, 4, 2, (0.45, 0)))
    bars(Working(1, BEGINS, 1))
    bars(Working(2, at(30), 2))
    trials, first, second = progress.tasks
    assert (trials.completed, trials.total) == (1, 4)
    assert trials.fields["figures"] == "best 0.45, trial 0, time left unknown until a trial ends"
    assert first.description == "worker 1: trial 1, student (seed 1) finetune"
    assert first.total is None
    assert (second.description, second.completed, second.total) == (
        "worker 2: trial 2, student (seed 1) finetune",
        30,
        100,
    )
    clock.now = 60.0
    bars(BETTER)
    assert (trials.completed, first.description, first.fields["figures"]) == (2, "worker 1", "waiting")
    assert "trial 1: f1 0.5 (best 0.5, trial 1)" in progress.console.file.getvalue()


@pytest.mark.parametrize(("terminal", "kind"), [(True, Bars), (False, StudyLines)])
def test_a_terminal_has_bars_and_a_file_has_lines(terminal, kind):
    console = Console(file=io.StringIO(), force_terminal=terminal)
    with shown(console, ("f1",)) as tell:
        assert isinstance(tell, kind)


def test_reports_of_steps_are_spaced(monkeypatch):
    from finkd.experiments.tuning import worker_pool

    class Pipe(list):
        send = list.append

    times = itertools.chain([0.1, 0.2, 0.3, 0.9, 1.0])
    monkeypatch.setattr(worker_pool.time, "monotonic", lambda: next(times))
    pipe = Pipe()
    report = worker_pool._Reporter(7, pipe)
    for event in (BEGINS, at(1), at(2), at(3), BEGINS):
        report(event)
    assert [(each.number, each.event.progress and each.event.progress.step) for each in pipe] == [
        (7, None),
        (7, 3),
        (7, None),
    ]
