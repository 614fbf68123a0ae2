"""In which order requests are answered, and which of them together."""

import threading
from functools import partial

import pytest

from finkd.experiments.service.forms import TAG
from finkd.experiments.service.limits import Limits
from finkd.experiments.service.messages import Received
from finkd.experiments.service.tagger_threads import TaggerThreads
from tests.experiments.service.test_answers import AllNames, answered, asking, expected

pytestmark = pytest.mark.slow


class Held(AllNames):
    """A tagger that reads a text of several words once it may."""

    def __init__(self):
        self.may = threading.Event()

    def word_logits(self, encoded):
        assert len(encoded.first) < 10 or self.may.wait(60)
        return super().word_logits(encoded)


def test_short_requests_do_not_wait_for_long_ones():
    held, replies = Held(), {}
    short, long = threading.Event(), threading.Event()
    worker = TaggerThreads(held, "held", Limits(characters=1000))

    def done(name, event):
        def note(reply):
            replies[name] = reply.status
            event.set()

        return note

    worker.submit(asking("Acme lent money. " * 20), done("long", long))
    worker.submit(asking("Acme"), done("short", short))
    assert short.wait(60)
    assert replies == {"short": 200}
    held.may.set()
    assert long.wait(60)
    assert replies == {"short": 200, "long": 200}
    worker.close()


def test_a_request_that_is_cancelled_while_it_waits_is_never_begun():
    held, gone, first = Held(), threading.Event(), threading.Event()
    worker, replies = TaggerThreads(held, "held", Limits(characters=1000)), []
    worker.submit(asking("Acme lent money. " * 20), lambda reply: first.set())
    cancel = worker.submit(asking("Acme lent money. " * 20), lambda reply: (replies.append(reply), gone.set()))
    cancel()
    held.may.set()
    assert first.wait(60)
    assert gone.wait(60)
    assert replies == [None]
    worker.close()


def test_a_request_whose_check_fails_is_answered_too(monkeypatch):
    replies, over = [], threading.Event()
    worker = TaggerThreads(AllNames(), "all", Limits())
    monkeypatch.setattr("finkd.experiments.service.tagger_threads.read_request", {}.__getitem__)
    worker.submit(asking("Acme"), lambda reply: (replies.append(reply.status), over.set()))
    assert over.wait(60)
    assert replies == [500]
    worker.close()


class Counting(AllNames):
    """A tagger that notes how many sentences it reads at once, waits before the first of them, and fails at some."""

    def __init__(self, *, fails=False):
        self.may, self.begun, self.read, self.fails = threading.Event(), threading.Event(), [], fails

    def word_logits(self, encoded):
        self.read.append(len(encoded.lengths))
        self.begun.set()
        assert self.may.wait(60)
        if self.fails and len(encoded.lengths) != 1:
            raise KeyError("two sentences at once")
        return super().word_logits(encoded)


def answers(tagger, worker, texts, cancelled=(), padding=0):
    """The replies to requests of a text each, all of which but the first wait while that is tagged."""
    replies, over = {}, threading.Semaphore(0)

    def done(name, reply):
        assert name not in replies
        replies[name] = reply
        over.release()

    cancels = {}
    for text in texts:
        sent = Received(TAG, asking(text).body + b" " * padding)
        cancels[text] = worker.submit(sent, partial(done, text))
        assert tagger.begun.wait(60)
    for text in cancelled:
        cancels[text]()
    # Requests are checked in their order, so once this one is refused, the others wait.
    worker.submit(Received(TAG, b"null"), partial(done, "refused"))
    assert over.acquire(timeout=60)
    tagger.may.set()
    for _ in texts:
        assert over.acquire(timeout=60)
    worker.close()
    assert replies.pop("refused").status == 422
    return replies


@pytest.mark.parametrize(
    ("dynamic_batching", "read"),
    [(False, [1, 1, 1, 1]), (True, [1, 2, 1])],
    ids=["one by one", "as many as make no long one"],
)
def test_short_requests_that_wait_are_tagged_together(dynamic_batching, read):
    tagger = Counting()
    worker = TaggerThreads(tagger, "held", Limits(characters=300), dynamic_batching)
    # 30 characters make a short request; those of one that is cancelled do not count.
    texts = ["Acme", "Goldman gave all that it had", "Acme lent", "Sachs fell", "Sachs lent money"]
    replies = answers(tagger, worker, texts, cancelled=[texts[1]])
    assert tagger.read == read
    assert replies.pop(texts[1]) is None
    assert {text: answered(reply) for text, reply in replies.items()} == {
        text: (200, expected([text], tagger)) for text in replies
    }


def test_requests_that_fail_together_are_answered_one_by_one():
    tagger = Counting(fails=True)
    worker = TaggerThreads(tagger, "held", Limits(), dynamic_batching=True)
    replies = answers(tagger, worker, ["Acme", "Acme lent", "Sachs fell"])
    assert tagger.read == [1, 2, 1, 1]
    assert {reply.status for reply in replies.values()} == {200}


def test_bodies_are_not_read_together_if_they_are_larger_than_that_of_one_short_request():
    tagger, limits = Counting(), Limits()
    worker = TaggerThreads(tagger, "held", limits, dynamic_batching=True)
    answers(tagger, worker, ["Acme", "Acme lent", "Sachs fell"], padding=limits.bytes // 15)
    assert tagger.read == [1, 1, 1]
