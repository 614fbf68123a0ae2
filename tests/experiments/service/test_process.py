"""The tagger in a process of its own: it answers, dies, comes back and ends."""

import json
import os
import signal
import threading
from pathlib import Path
from unittest import mock

import pytest

from finkd.corpora.errors import FinkdError
from finkd.experiments.service.forms import TAG
from finkd.experiments.service.limits import Limits
from finkd.experiments.service.messages import Received, Served
from finkd.experiments.service.process import TaggerProcess, TaggerSource
from finkd.export.loading import load_tagger
from finkd.inference.tagging import predict

pytestmark = pytest.mark.slow

TEXT = "Goldman Sachs lent money to Acme."
MAPS = Path("/proc/self/maps")
"""What files a process has loaded, on Linux."""
BODY = json.dumps({"texts": [TEXT]}).encode()


class Replies:
    """What requests came to, one after another."""

    def __init__(self, process):
        self.process = process

    def ask(self, body=BODY, cancelled=False):
        found, finished = [], threading.Event()
        cancel = self.process.submit(Received(TAG, body), lambda reply: (found.append(reply), finished.set()))
        if cancelled:
            cancel()
        assert finished.wait(120)
        (reply,) = found
        return reply


def test_a_process_answers_and_comes_back_after_it_died(graph):
    process = TaggerProcess(TaggerSource("toy", str(graph), threads=1), Limits())
    try:
        asks = Replies(process)
        assert (process.is_ready, process.served) == (True, Served("toy", ("ORG", "PER")))
        first = asks.ask()
        (expected,) = predict([TEXT], load_tagger(str(graph)))
        assert expected.mentions
        assert first.status == 200
        assert [each["text"] for each in json.loads(b"".join(first.parts))["results"][0]] == [
            each.text for each in expected.mentions
        ]
        if MAPS.exists():
            held = Path(f"/proc/{process._process.pid}/maps").read_text()
            assert "onnxruntime" in held
            assert "torch" not in held  # which a graph does without
        assert asks.ask(b"{").status == 422
        long = json.dumps({"texts": ["Acme lent money. " * 10_000]}).encode()
        assert asks.ask(long, cancelled=True) is None
        before = process._process.pid
        os.kill(before, signal.SIGTERM)  # as the parent gets it, which ends once it has answered what is in work
        assert asks.ask().status == 200
        assert process._process.pid == before
        os.kill(before, signal.SIGKILL)
        statuses = {asks.ask().status}
        while (reply := asks.ask()).status != 200:
            statuses.add(reply.status)
        assert statuses <= {200, 503}
        assert process._process.pid != before
        assert reply.parts == first.parts
    finally:
        process.close()
    assert not process.is_ready
    assert asks.ask().status == 503


def test_a_process_is_begun_anew_until_it_has_its_tagger(monkeypatch, caplog):
    found = iter([RuntimeError("no memory"), OSError("cannot start a process"), FinkdError("damaged"), None])
    pauses = []

    def begin():
        if error := next(found):
            raise error

    process = object.__new__(TaggerProcess)
    process._is_closed, process._process = False, mock.Mock(exitcode=-9)
    process._arguments = (TaggerSource("toy", "toy"), Limits(), False)
    monkeypatch.setattr(process, "_begin", begin)
    monkeypatch.setattr("finkd.experiments.service.process.time.sleep", pauses.append)
    process._begin_again()
    assert pauses == [1, 2, 4, 8]
    assert next(found, "all tried") == "all tried"
    assert [each for each in caplog.messages if "begun anew" not in each] == [
        "no memory",
        "cannot start a process",
        "damaged",
    ]


def test_a_folder_that_holds_no_tagger_is_refused_as_elsewhere(tmp_path):
    with pytest.raises(FinkdError, match="empty"):
        TaggerProcess(TaggerSource("empty", str(tmp_path / "empty")), Limits())


def test_the_command_hands_its_options_on(finkd, tagger, tmp_path, monkeypatch):
    folder = tmp_path / "tagger"
    tagger.save(folder)
    seen = []

    def started(source, limits, json_log):
        seen.append(source)
        raise FinkdError("enough")

    monkeypatch.setattr("finkd.experiments.service.process.TaggerProcess", started)
    result = finkd(
        "serve", folder, "--port", "0", "--threads", "3", "--precision", "fp32", "--dynamic-batching", code=1
    )
    assert "enough" in result.stderr
    assert seen == [TaggerSource("tagger", str(folder), 3, "fp32", dynamic_batching=True)]
    finkd("serve", folder, f"other={folder}", "--port", "0", "--threads", "4", code=1)
    assert seen[-1].threads == 2
