"""The HTTP service: answers, limits, whatever comes in instead of a request, and the page in a browser."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from unittest.mock import Mock

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as some

from finkd.corpora.errors import UnavailableError
from finkd.experiments.service.app import app_of, make_app
from finkd.experiments.service.connections import Server, listen
from finkd.experiments.service.limits import Limits
from finkd.experiments.service.tagger_threads import TaggerThreads
from finkd.inference.prediction import word_logits
from finkd.inference.tagging import predict
from tests.finkd.toys import SENTENCES, tiny_model

pytestmark = pytest.mark.slow

TEXTS = [sentence.text for sentence in SENTENCES]
LIMITS = Limits(texts=4, characters=400, seconds=20)
JSON = {"content-type": "application/json"}


def test_entities_below_the_least_score_are_left_out(client, tagger):
    (every,) = client.post("/tag", json={"texts": TEXTS[:1]}).json()["results"]
    best = max(each["score"] for each in every)
    answer = client.post("/tag", json={"texts": TEXTS[:1], "min_score": best})
    assert answer.json() == {"results": [[each for each in every if each["score"] == best]]}
    assert client.post("/tag", json={"texts": TEXTS[:1], "min_score": 2}).status_code == 422


def test_entities_are_those_of_predict(client, tagger):
    answer = client.post("/tag", json={"texts": TEXTS[:3]})
    assert answer.status_code == 200
    expected = [[dataclasses.asdict(mention) for mention in each.mentions] for each in predict(TEXTS[:3], tagger)]
    assert answer.json() == {"results": expected}
    assert any(expected)


def test_health_says_what_is_served(client):
    toy = {"name": "toy", "ready": True, "labels": ["ORG", "PER"]}
    assert client.get("/health").json() == {"status": "ok", "models": [toy]}
    assert client.get("/ready").json() == {"ready": True}


def test_openapi_describes_the_body(client):
    paths = client.get("/openapi.json").json()["paths"]
    body = paths["/tag"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["texts"]["maxItems"] == 4
    one = {"tag", *(f"label-studio/{each}" for each in ("health", "setup", "predict", "webhook"))}
    expected = {f"{prefix}/{each}" for prefix in ("", "/models/toy") for each in one}
    assert set(paths) == expected | {"/health", "/ready", "/metrics"}


def test_several_models_have_addresses_of_their_own(tagger):
    limits = Limits(texts=2)
    other = tiny_model(labels=("O", "B-X", "I-X"), seed=1)
    workers = [TaggerThreads(tagger, "first", limits), TaggerThreads(other, "second", limits)]
    with TestClient(app_of(workers, limits)) as client:
        assert [each["name"] for each in client.get("/health").json()["models"]] == ["first", "second"]
        for path, model in (("/tag", tagger), ("/models/first/tag", tagger), ("/models/second/tag", other)):
            expected = [
                [dataclasses.asdict(mention) for mention in each.mentions] for each in predict(TEXTS[:2], model)
            ]
            assert client.post(path, json={"texts": TEXTS[:2]}).json() == {"results": expected}
        answer = client.post("/models/third/tag", json={"texts": TEXTS[:2]})
        assert answer.status_code == 404
        assert answer.json()["detail"] == "there is nothing at this address; models: first, second"
        figures = client.get("/metrics").text
    assert 'finkd_requests_total{model="first",status="200"} 2.0' in figures
    assert 'finkd_requests_total{model="second",status="200"} 1.0' in figures


def test_a_model_that_is_being_loaded_is_named(tagger):
    limits = Limits()
    loading = TaggerThreads(tagger, "second", limits)
    loading.is_ready = False
    with TestClient(app_of([TaggerThreads(tagger, "first", limits), loading], limits)) as client:
        answer = client.get("/ready")
        assert [each["ready"] for each in client.get("/health").json()["models"]] == [True, False]
    assert (answer.status_code, answer.json()["detail"].split()[0]) == (503, "second")


def test_metrics_count_requests_by_status(tagger):
    with TestClient(make_app(tagger, "toy", LIMITS), raise_server_exceptions=False) as client:
        for body, status in (({"texts": TEXTS[:2]}, 200), ({"texts": TEXTS[:1]}, 200), ({"wrong": 1}, 422)):
            assert client.post("/tag", json=body).status_code == status
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    figures = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert float(figures['finkd_requests_total{model="toy",status="200"}']) == 2
    assert float(figures['finkd_requests_total{model="toy",status="422"}']) == 1
    assert float(figures['finkd_request_seconds_count{model="toy"}']) == 3
    assert float(figures['finkd_request_seconds_sum{model="toy"}']) > 0
    assert float(figures['finkd_ready{model="toy"}']) == 1
    assert float(figures["finkd_requests_waiting"]) == 0
    assert float(figures["finkd_bytes_held"]) == 0


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 422, "body:"),
        (b"{", 422, "body:"),
        (b"[" * 100_000, 413, "longer than"),
        (b"[" * 4000, 422, "body:"),
        (b'{"texts": []}', 422, "texts:"),
        (b'{"texts": "Acme"}', 422, "texts:"),
        (b'{"texts": [1]}', 422, "texts.0:"),
        (b'{"texts": [null]}', 422, "texts.0:"),
        (b'{"texts": ["a"], "model": "b"}', 422, "model:"),
        (b'{"texts": ["\\ud800"]}', 422, "body:"),
        (b'{"texts": ["\xff"]}', 422, "body:"),
        (b'{"texts": ["a", "a", "a", "a", "a"]}', 413, "at most 4 at once"),
        (json.dumps({"texts": ["a" * 401]}).encode(), 413, "at most 400 characters"),
    ],
)
def test_other_bodies_are_refused(client, body, status, said):
    answer = client.post("/tag", content=body, headers=JSON)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", ""])
def test_what_a_page_elsewhere_could_send_is_refused(client, kind):
    answer = client.post("/tag", content=b'{"texts": ["a"]}', headers={"content-type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("127.0.0.1", 200), ("127.0.0.2", 200), ("localhost", 200), ("[::1]", 200)),
        *(("ner.example", 200), ("NER.example", 200), ("evil.example", 400)),
    ],
)
def test_only_names_of_this_machine_and_allowed_ones_are_answered(host, status, tagger):
    with TestClient(make_app(tagger, "toy", LIMITS, ("Ner.Example",)), base_url=f"http://{host}:8000") as client:
        answer = client.get("/health")
    assert answer.status_code == status
    assert ("--allow-host" in answer.text) is (status == 400)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--host", "127.0.0.1"), ()),
        (("--host", "127.0.0.2"), ()),
        (("--host", "0.0.0.0"), ("*",)),
        (("--allow-host", "ner.example", "--allow-host", "other"), ("ner.example", "other")),
    ],
)
def test_a_service_for_this_machine_alone_answers_no_other_name(options, names, tagger, tmp_path, finkd, monkeypatch):
    tagger.save(tmp_path / "tagger")
    app = Mock(side_effect=UnavailableError("not served in this test"))
    monkeypatch.setattr("finkd.experiments.service.app.app_of", app)
    monkeypatch.setattr("finkd.experiments.service.process.TaggerProcess", Mock())
    finkd("serve", tmp_path / "tagger", *options, "--port", 0, code=1)
    assert app.call_args.args[2] == names


@given(some.lists(some.text(max_size=80), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_text_is_answered(client, texts):
    answer = client.post("/tag", json={"texts": texts})
    assert answer.status_code == 200
    for text, entities in zip(texts, answer.json()["results"], strict=True):
        assert all(text[each["start"] : each["end"]] == each["text"] for each in entities)


class Held:
    """A tagger that reads nothing until it may."""

    def __init__(self, model):
        self.now = self.most = 0
        self.tokenizer, self.labels, self.max_length = model.tokenizer, model.labels, model.max_length
        self.model, self.may = model, threading.Event()

    def word_logits(self, encoded):
        self.now += 1
        self.most = max(self.most, self.now)
        assert self.may.wait(60)
        self.now -= 1
        return word_logits(self.model, encoded).numpy()


ONE = {"texts": ["Acme lent."]}


def test_requests_that_take_too_long_are_told_so_and_do_not_run_side_by_side(tagger):
    held = Held(tagger)
    with TestClient(make_app(held, "held", Limits(seconds=0.2, waiting=9))) as client:
        assert [client.post("/tag", json=ONE).status_code for _ in range(4)] == [408] * 4
        assert client.get("/health").status_code == 200
        held.may.set()
        deadline = time.monotonic() + 60
        while client.post("/tag", json=ONE).status_code != 200:
            assert time.monotonic() < deadline
    assert (held.now, held.most) == (0, 1)


def _asked(app, asks):
    """What ``asks``, given a client of the service, finds."""

    async def found():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asks(client)

    return asyncio.run(found())


def test_more_requests_than_may_wait_are_told_to_come_back(tagger):
    held = Held(tagger)

    async def several(client):
        sent = [asyncio.ensure_future(client.post("/tag", json=ONE)) for _ in range(5)]
        early = [await each for each in itertools.islice(asyncio.as_completed(sent), 3)]
        held.may.set()
        return early, await asyncio.gather(*sent)

    early, answers = _asked(make_app(held, "held", Limits(waiting=2)), several)
    assert [(each.status_code, each.headers["retry-after"]) for each in early] == [(429, "1")] * 3
    assert sorted(each.status_code for each in answers) == [200, 200, 429, 429, 429]


def test_requests_that_are_still_read_wait_too_and_leave_when_they_are_refused(tagger):
    async def several(client):
        begun, may = asyncio.Event(), asyncio.Event()

        async def body():
            begun.set()
            yield b"{"
            await may.wait()

        slow = asyncio.ensure_future(client.post("/tag", content=body(), headers=JSON))
        await begun.wait()
        early = await client.post("/tag", json=ONE)
        may.set()
        return [each.status_code for each in (early, await slow, await client.post("/tag", json=ONE))]

    assert _asked(make_app(tagger, "toy", Limits(waiting=1)), several) == [429, 422, 200]


@pytest.fixture(scope="module")
def served(tagger):
    """The address of a service that really listens."""
    bound = listen("127.0.0.1", 0)
    limits = Limits(seconds=2)
    server = Server(make_app(tagger, "toy", limits, ("127.0.0.1",)), limits)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    yield bound.getsockname()
    server.should_exit = True
    thread.join()
    bound.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /tag HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
        b"POST /tag HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -4\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /tag HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n",
    ],
)
def test_requests_that_are_cut_off_leave_it_up(served, sent):
    with socket.create_connection(served[:2], timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert not answer.startswith(b"HTTP/1.1 5")
    with socket.create_connection(served[:2], timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_body_that_never_comes_is_not_waited_for(served):
    with socket.create_connection(served[:2], timeout=10) as connection:
        connection.sendall(
            b"POST /tag HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def _answer(connection):
    """The head and the body of an answer to HEALTH."""
    received = b""
    while not received.endswith(b"}"):
        part = connection.recv(1000)
        assert part, f"closed after {received!r}"
        received += part
    return received


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
@pytest.mark.parametrize("before", [False, True])
def test_a_request_that_never_comes_is_not_waited_for(served, sent, before):
    with socket.create_connection(served[:2], timeout=20) as connection:
        if before:
            connection.sendall(HEALTH)
            assert _answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(sent)
        assert connection.recv(100) == b""


def test_bytes_that_go_on_coming_do_not_hold_a_connection(served):
    with socket.create_connection(served[:2], timeout=0.1) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connection.sendall(b"x")
                assert connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            return
    pytest.fail("the connection is still open")


def test_a_connection_that_asks_now_and_then_is_kept(served):
    with socket.create_connection(served[:2], timeout=10) as connection:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            connection.sendall(HEALTH[:20])
            connection.sendall(HEALTH[20:])
            assert _answer(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium and its driver")
def test_the_page_marks_entities_in_a_browser(served, tagger):
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    text = "😀 <b>Acme</b> Corp lent Sachs money & agreed."
    with webdriver.Chrome(options) as browser:
        browser.get(f"http://127.0.0.1:{served[1]}/")
        WebDriverWait(browser, 10).until(lambda b: "toy" in b.find_element(By.ID, "about").text)
        field = browser.find_element(By.ID, "text")
        browser.execute_script("arguments[0].value = arguments[1]", field, text)
        browser.find_element(By.ID, "go").click()
        WebDriverWait(browser, 10).until(lambda b: "ms" in b.find_element(By.ID, "said").text)
        (expected,) = predict([text], tagger)
        marks = [mark.text for mark in browser.find_elements(By.TAG_NAME, "mark")]
        assert marks == [f"{each.text}{each.label} {round(100 * each.score)} %" for each in expected.mentions]
        browser.execute_script("arguments[0].value = 'a'.repeat(300000)", field)
        browser.find_element(By.ID, "go").click()
        WebDriverWait(browser, 10).until(lambda b: "at most" in b.find_element(By.ID, "said").text)
        assert not [entry for entry in browser.get_log("browser") if "Content Security" in entry["message"]]


@contextlib.contextmanager
def serving(*arguments):
    """The command in a process of its own, with the address that it says."""
    command = [sys.executable, "-m", "tests.experiments.command", "serve", *map(str, arguments), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "serving" in line:
                    break
            assert "serving" in said[-1], said
            yield process, line.split(" at ")[1].split()[0]
        finally:
            process.kill()


def post(address, **sent):
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.post(address, json=sent, timeout=10)
        except httpx.ConnectError:
            assert time.monotonic() < deadline


def test_the_command_listens_on_loopback_and_ends_when_asked(tagger, tmp_path):
    tagger.save(tmp_path / "tagger")
    with serving(tmp_path / "tagger") as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert post(f"{address}tag", texts=TEXTS[:1]).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_requests_are_logged_as_json_without_their_texts(graph):
    with serving(f"small={graph}", f"other={graph}", "--json-log") as (process, address):
        assert post(f"{address}models/small/tag", texts=["Acme fell"]).status_code == 200
        assert post(f"{address}models/other/tag", wrong=["Acme fell"]).status_code == 422
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        lines = [json.loads(line) for line in process.stderr]
    requests = [line for line in lines if line["message"] == "request"]
    assert [(each["model"], each["path"], each["status"]) for each in requests] == [
        ("small", "/models/small/tag", 200),
        ("other", "/models/other/tag", 422),
    ]
    assert all(each["level"] == "info" and each["ms"] > 0 and each["time"].endswith("+00:00") for each in requests)
    assert "Acme" not in str(lines)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (("a/tagger", "b/tagger"), "two models are called 'tagger'"),
        (("my model=a/tagger",), "'my model' cannot stand in an address"),
    ],
)
def test_names_that_cannot_be_served_are_one_line(models, said, tagger, tmp_path, finkd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a/tagger", "b/tagger"):
        tagger.save(tmp_path / folder)
    assert said in finkd("serve", *models, code=2).stderr


def test_a_port_that_is_taken_is_one_line(served, tagger, tmp_path, finkd):
    tagger.save(tmp_path / "tagger")
    result = finkd("serve", tmp_path / "tagger", "--port", served[1], code=1)
    assert "cannot listen there" in result.stderr
