"""In which order requests are answered, and which of them together."""

import threading

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


class Counting(AllNames):
    """A tagger that notes how many sentences it reads at once, and waits before the first of them."""

    def __init__(self):
        self.may, self.begun, self.read = threading.Event(), threading.Event(), []

    def word_logits(self, encoded):
        self.read.append(len(encoded.lengths))
        self.begun.set()
        assert self.may.wait(60)
        return super().word_logits(encoded)


@pytest.mark.parametrize(
    ("dynamic_batching", "read"),
    [(False, [1, 1, 1, 1]), (True, [1, 2, 1])],
    ids=["one by one", "as many as make no long request"],
)
def test_short_requests_that_wait_are_read_together(dynamic_batching, read):
    tagger, replies, over = Counting(), {}, threading.Semaphore(0)
    worker = TaggerThreads(tagger, "held", Limits(characters=300), dynamic_batching)

    def submit(text):
        return worker.submit(asking(text), lambda reply: (replies.update({text: reply}), over.release()))

    texts = ["Acme", "Acme lent", "Sachs fell", "Sachs lent money"]  # of 30 characters, two fit beside the second
    submit(texts[0])
    assert tagger.begun.wait(60)
    cancel = submit("Goldman")
    for text in texts[1:]:
        submit(text)
    cancel()
    # Requests are checked in their order, so once this one is refused, the others wait.
    worker.submit(Received(TAG, b"null"), lambda reply: (replies.update(refused=reply.status), over.release()))
    assert over.acquire(timeout=60)
    tagger.may.set()
    for _ in range(5):
        assert over.acquire(timeout=60)
    assert tagger.read == read
    assert (replies.pop("Goldman"), replies.pop("refused")) == (None, 422)
    assert {text: answered(reply) for text, reply in replies.items()} == {
        text: (200, expected([text], tagger)) for text in texts
    }
    worker.close()
