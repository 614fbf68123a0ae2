import os

import pytest
import torch

from finkd.machine.environment import environment
from finkd.runtimes import resources
from finkd.runtimes.resources import OtherWork, folder_bytes, measure
from finkd.runtimes.timing import BATCH, TURN, WARM_UPS
from tests.finkd.toys import LABELS, SENTENCES, tiny_model


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr(resources.OtherWork, "is_seen", True)
    model = tiny_model(labels=LABELS)
    model.save(tmp_path)
    return model, tmp_path


def test_sizes_are_counted(system):
    model, folder = system
    found = measure({"student": system}, SENTENCES, queries=0)["student"]
    assert found.parameters == sum(parameter.numel() for parameter in model.network.parameters())
    assert found.embedding_parameters == len(model.tokenizer) * 32
    assert found.bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert (found.latency_ms, found.words_per_second, found.machine_busy) == ({}, None, False)
    for other in ("notes.txt", "record.json"):
        (folder / other).write_text("other files do not count")
    assert folder_bytes(folder) == found.bytes


def test_speeds_come_from_whole_queries_side_by_side(system, monkeypatch):
    asked = []

    def predict(sentences, model):
        asked.append((len(sentences), torch.get_num_threads(), os.environ.get("TOKENIZERS_PARALLELISM")))
        return [["O"] * len(sentence.spans) for sentence in sentences]

    monkeypatch.setattr(resources, "predict_tags", predict)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", lambda count: threads.append(count))
    threads = [2]
    found = measure({"a": system, "b": system}, SENTENCES, queries=40)
    single, turns = (1, 1, "false"), -(-(WARM_UPS + 40) // TURN)
    assert asked[: -2 * 3] == [single] * 2 * turns * TURN
    # the first of two batches warms up
    assert asked[-2 * 3 :] == [(BATCH, 2, "true")] * 4 + [(40 - BATCH, 2, "true")] * 2
    assert list(found["a"].latency_ms) == ["p10", "p25", "p50", "p75", "p90", "p99"]
    assert found["a"].words_per_second > 0
    assert found["a"].machine_busy


@pytest.mark.parametrize(("machine", "own", "seen"), [(9.0, 9.0, False), (12.0, 9.0, False), (13.5, 9.0, True)])
def test_other_work_is_what_this_process_does_not_do(machine, own, seen, monkeypatch):
    clock = iter([(5.0, 100.0, 10.0), (15.0, 100.0 + machine, 10.0 + own)])
    monkeypatch.setattr(OtherWork, "_seconds", lambda _: next(clock))
    assert OtherWork().is_seen is seen


def test_the_environment_is_json_and_says_what_ran():
    found = environment("fp32")
    assert found["torch"] == torch.__version__.split("+")[0] or found["torch"] == torch.__version__
    assert found["precision"] == "fp32"
    assert found["threads"] == torch.get_num_threads()
    assert all(value is None or isinstance(value, str | int) for value in found.values())
