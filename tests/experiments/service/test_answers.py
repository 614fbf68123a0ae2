"""The work of a request: what it is refused for, what it is answered, and when it stops."""

import dataclasses
import json
import threading

import numpy as np
import pytest

from finkd.experiments.service.answers import replies_together, reply_to
from finkd.experiments.service.forms import PREDICT, TAG, read_request
from finkd.experiments.service.limits import SMALL, Limits, RefusedError
from finkd.experiments.service.messages import Received, Served
from finkd.inference import prediction
from finkd.inference.tagging import predict
from tests.experiments.service.test_label_studio import INTERFACE
from tests.finkd.toys import LABELS, SENTENCES, tiny_model

pytestmark = pytest.mark.slow

TEXTS = [sentence.text for sentence in SENTENCES]
TAGGER = tiny_model(labels=LABELS, seed=5)
LIMITS = Limits()
SERVED = Served("toy", ("ORG", "PER"))


class AllNames:
    """A tagger to which every word is a name."""

    tokenizer, labels, max_length = TAGGER.tokenizer, TAGGER.labels, TAGGER.max_length

    def word_logits(self, encoded):
        scores = np.zeros((len(encoded.first), len(self.labels)), np.float32)
        scores[:, 1] = 1
        return scores


def asking(*texts):
    return Received(TAG, json.dumps({"texts": texts}).encode())


def replied(received, tagger=TAGGER, limits=LIMITS, cancelled=None):
    return reply_to(received, tagger, SERVED, limits, cancelled or threading.Event())


def answered(reply):
    return reply.status, json.loads(b"".join(reply.parts))


def expected(texts, tagger):
    return {"results": [[dataclasses.asdict(each) for each in found.mentions] for found in predict(texts, tagger)]}


@pytest.mark.parametrize(
    "texts", [TEXTS, ["", "Acme", ""], ['Acme \N{GRINNING FACE} "Sachs"\n\\ \x00 Société'], [""], ["a b " * 5000, "c"]]
)
@pytest.mark.parametrize("tagger", [TAGGER, AllNames()])
def test_a_reply_holds_what_the_tagger_finds(texts, tagger):
    reply = replied(asking(*texts), tagger)
    assert answered(reply) == (200, expected(texts, tagger))
    assert max(map(len, reply.parts)) <= SMALL


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"texts":[' + b"1," * 100_000 + b"1]}", "texts.0: input should be a valid string"),
        (
            b"{" + b",".join(b'"%d":1' % key for key in range(100_000)) + b"}",
            "0: unknown key; expected texts and min_score",
        ),
        (b'{"' + b"k" * 100_000 + b'":1}', "k" * 50 + ": unknown key; expected texts and min_score"),
        (
            b'{"texts":["a"],"' + b"\\u0007" * 100_000 + b'":1}',
            "\x07" * 50 + ": unknown key; expected texts and min_score",
        ),
        (b'{"texts":[' + b"1" * 100_000 + b"]}", "body: not JSON (number out of range at line 1 column 4312)"),
        (b'{"texts":' + b"[" * 100_000, "body: not JSON (recursion limit exceeded at line 1 column 210)"),
        (b"null", "body: expected an object with texts and min_score"),
    ],
)
def test_what_is_refused_is_refused_at_its_first_fault_and_in_short(sent, said):
    with pytest.raises(RefusedError) as refused:
        read_request(Received(TAG, sent), LIMITS)
    assert (refused.value.status, str(refused.value)) == (422, said)


def test_an_answer_that_grows_too_long_is_given_up():
    limits = Limits(memory=2 * LIMITS.bytes)
    status, said = answered(replied(asking("a " * 60_000), AllNames(), limits))
    assert (status, said) == (413, {"detail": f"the answer is longer than {limits.answer:,} bytes; send less at once"})


def test_work_beyond_its_limit_is_refused_before_the_model_reads_it(monkeypatch):
    monkeypatch.setattr(prediction, "forward", None)
    reply = replied(asking("\N{MAN}\N{ZERO WIDTH JOINER}, " * 600), limits=Limits(tokens=1000))
    assert answered(reply) == (413, {"detail": "texts: at most 1,000 tokens together; send less at once"})


def test_work_that_nobody_waits_for_stops_at_the_next_batch(monkeypatch):
    cancelled, read = threading.Event(), []
    forward = prediction.forward

    def counted(*given):
        read.append(1)
        if len(read) == 3:
            cancelled.set()
        return forward(*given)

    monkeypatch.setattr(prediction, "forward", counted)
    text = "Acme lent Sachs money. " * 2000
    assert replied(asking(text), cancelled=cancelled) is None
    assert len(read) == 3
    assert replied(asking(text), cancelled=cancelled) is None
    assert len(read) == 3


@pytest.mark.parametrize("joined", ["\N{GRINNING FACE}", "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}"])
def test_the_work_of_joined_emojis_grows_with_their_number(joined, monkeypatch):
    read = []
    encode = type(TAGGER.tokenizer).encode
    monkeypatch.setattr(
        type(TAGGER.tokenizer), "encode", lambda self, texts: read.append(sum(map(len, texts))) or encode(self, texts)
    )
    for length in (9000, 36_000):
        read.clear()
        reply = replied(asking(joined * (length // len(joined))))
        assert reply.status == 200
        assert sum(read) <= 5 * length


class Broken(AllNames):
    """A tagger with a defect."""

    def word_logits(self, encoded):
        raise KeyError("weights")


def test_a_defect_is_a_500_in_one_line(caplog):
    reply = replied(asking("Acme"), Broken())
    assert answered(reply) == (500, {"detail": "the tagger failed on this request"})
    assert "KeyError" in caplog.text


def together(*group, tagger=TAGGER, limits=LIMITS):
    return replies_together([(each, threading.Event()) for each in group], tagger, SERVED, limits)


def test_requests_read_together_get_the_replies_that_they_would_get_alone():
    bodies = [
        {"texts": TEXTS},
        {"texts": ["", "Acme"], "min_score": 1},
        {"texts": ["Acme lent money."], "min_score": 0.3},
    ]
    group = [Received(TAG, json.dumps(each).encode()) for each in bodies]
    tasks = [{"id": number, "data": {"body": text}, "annotations": []} for number, text in enumerate(TEXTS)]
    group.insert(1, Received(PREDICT, json.dumps({"tasks": tasks, "label_config": INTERFACE, "project": "1"}).encode()))
    assert list(map(answered, together(*group))) == [answered(replied(each)) for each in group]


@pytest.mark.parametrize(
    ("tagger", "limits", "is_told"),
    [(TAGGER, Limits(tokens=5), False), (Broken(), LIMITS, True)],
    ids=["too many tokens", "a defect"],
)
def test_requests_that_cannot_be_read_together_are_left_to_be_read_alone(tagger, limits, is_told, caplog):
    group = asking("Acme lent money."), asking("Acme lent more.")
    assert list(together(*group, tagger=tagger, limits=limits)) == []
    assert ("KeyError" in caplog.text) == is_told


def test_an_answer_that_is_too_long_spoils_no_other():
    limits = Limits(characters=20_000, texts=2, memory=2 * Limits(characters=20_000, texts=2).bytes)
    long, short = together(asking("Goldman " * 2500), asking("Goldman"), tagger=AllNames(), limits=limits)
    assert (long.status, short.status) == (413, 200)


def test_a_request_of_a_group_that_is_cancelled_gets_no_reply():
    gone = threading.Event()
    replies = replies_together([(asking("Acme"), threading.Event()), (asking("Acme"), gone)], TAGGER, SERVED, LIMITS)
    assert next(replies).status == 200
    gone.set()
    assert list(replies) == [None]


def test_a_group_of_which_all_are_cancelled_is_not_read():
    cancelled = threading.Event()
    cancelled.set()
    assert list(replies_together([(asking("Acme"), cancelled)] * 2, Broken(), SERVED, LIMITS)) == []
