"""Experiment trackers: what they are sent, with TensorBoard's files by the real library."""

import pytest
from tensorboardX.proto.event_pb2 import Event as Entry

from finkd.corpora.errors import ConfigError
from finkd.experiments.console.tracking import tracked
from finkd.experiments.running.events import Event
from finkd.progress import Progress
from tests.experiments.console.test_progress import RECORD
from tests.reports.tasks import task_record


def entries(folder):
    """Tag -> (step, value) of every number in TensorBoard's files: length, its check, content, its check."""
    found = {}
    for path in sorted(folder.rglob("events.*")):
        content = path.read_bytes()
        while content:
            length = int.from_bytes(content[:8], "little")
            entry, content = Entry.FromString(content[12 : 12 + length]), content[16 + length :]
            for value in entry.summary.value:
                found.setdefault(value.tag, []).append((entry.step, round(value.simple_value, 4)))
    return found


def events():
    for stage, losses in (("task-distill:text", (3.0, 2.0)), ("finetune", (1.0, 0.5))):
        yield Event("small", 1, stage)
        for step, loss in enumerate(losses, start=1):
            yield Event("small", 1, stage, Progress(step, 2, loss, 100 * step, 2.0 * step))
    yield Event("small", 1, "labels", Progress(1, 2, None, 100, 2.0))  # reads, and learns nothing
    yield Event("small", 1, record=RECORD)
    yield Event("small", 1, task="cola", record=task_record("glue", "cola", "small", {"matthews": 0.5}))


def test_losses_and_scores_are_sent(tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.experiments.console.tracking._SECONDS", 0.0)
    passed = []
    with tracked("tensorboard", "toy", tmp_path, passed.append) as listen:
        for event in events():
            listen(event)
    assert passed == list(events())
    found = entries(tmp_path / "tracking" / "toy")
    assert found["small/seed-1/loss"] == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]  # counted on over the stages
    assert found["small/seed-1/tokens_per_second"][0] == (1, 50.0)
    assert found["small/seed-1/micro_f1"] == [(3, 0.5)]
    assert found["small/cola/seed-1/matthews"] == [(0, 0.5)]


def test_not_every_step_is_sent_but_the_last_one_is(tmp_path):
    with tracked("tensorboard", "toy", tmp_path, lambda event: None) as listen:
        listen(Event("small", 1, "finetune"))
        for step in range(1, 101):
            listen(Event("small", 1, "finetune", Progress(step, 100, 1.0, 100 * step, 2.0 * step)))
    assert [step for step, _ in entries(tmp_path)["small/seed-1/loss"]] == [1, 100]


def test_without_a_tracker_events_are_passed_on():
    passed = []
    with tracked(None, "toy", None, passed.append) as listen:
        assert listen == passed.append


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.experiments.console.tracking.find_spec", lambda package: None)
    with (
        pytest.raises(ConfigError, match=f"--track {name}: needs the package {name}: pip install {name}"),
        tracked(name, "toy", tmp_path, lambda event: None),
    ):
        pass
