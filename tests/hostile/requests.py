"""Hostile requests: to the application in this process, and as raw bytes to a server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
from fastapi import FastAPI

from finkd.corpora.errors import DataError
from finkd.experiments.service.app import make_app
from finkd.experiments.service.connections import Server, listen
from finkd.experiments.service.limits import Limits
from finkd.inference.tagging import predict
from finkd.models.model import Model
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.hostile.case import Case, Refusal

LIMITS = Limits(texts=6, characters=3000, tokens=4000, seconds=20)
JSON = "application/json"
REFUSED = range(400, 500)
HEALTH = {"status": "ok", "models": [{"name": "toy", "ready": True, "labels": ["ORG", "PER"]}]}
MOST_BYTES = 2000
ODD = (
    *"\0\x07\x7f\x85\xa0\xad\u0301\u061c\u200b\u200d\u2028\u202e\ufdfa\ufeff\ufffd\uffff\U0001f1e6\U000e0067\U0010ffff",
    *("\U0001f468\u200d\U0001f469", "[CLS]", "[PAD]", "##", "&amp;", "<b>", '"', "\\", "\\u0041", "\r\n", "\t", "'s"),
    *("http://a.b/?c=d&e", "1.234,56", "\u6f22\u5b57"),
)


@functools.cache
def tagger() -> Model:
    """The tagger of all cases."""
    return tiny_model(labels=LABELS, seed=5)


@functools.cache
def application() -> FastAPI:
    """The service that is asked without a connection."""
    return make_app(tagger(), "toy", LIMITS, ("127.0.0.1",))


@functools.cache
def address() -> tuple[str, int]:
    """Where a server listens as long as this process lives."""
    bound = listen("127.0.0.1", 0)
    server = Server(make_app(tagger(), "toy", LIMITS, ("127.0.0.1",)), LIMITS)
    threading.Thread(target=server.run, args=([bound],), daemon=True).start()
    host, port = bound.getsockname()
    return host, port


def right(texts: list[str]) -> dict[str, Any]:
    """What the tagger itself finds."""
    return {"results": [[dataclasses.asdict(each) for each in found.mentions] for found in predict(texts, tagger())]}


def understood(status: int, body: bytes, headers: Any) -> Any:
    """The answer of the service, or the error that stands for its refusal.

    Raises:
        DataError: if it was refused as it should be: 4xx with a reason in JSON, short, and with the usual headers.
        AssertionError: if it was answered in another way.
    """
    assert headers["content-type"].startswith(JSON), headers
    found = json.loads(body)
    if status == 200:
        return found
    assert status in REFUSED, f"status {status}: {body[:200]!r}"
    assert set(found) == {"detail"}, body[:200]
    assert len(body) < MOST_BYTES, len(body)
    raise DataError(f"status {status}: {found['detail']}")


def ask(method: str, path: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> Any:
    """Ask the application, then for its health."""

    async def both() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=application(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(method, f"http://127.0.0.1{path}", content=body, headers=headers)
            return answer, await client.get("/health")

    answer, health = asyncio.run(both())
    assert (health.status_code, health.json()) == (200, HEALTH)
    return understood(answer.status_code, answer.content, answer.headers)


def send(parts: list[bytes], finished: bool = True) -> tuple[int, dict[str, str], bytes] | None:
    """Send bytes over a connection of their own; the first answer, or none if the connection was just closed.

    What is not finished may have no answer before we hang up.
    """
    with socket.create_connection(address(), timeout=30) as connection:
        received = b""
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
            if not finished:
                connection.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    received = connection.recv(65536)
                connection.settimeout(30)
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
    return split(received) if received else None


def split(received: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the first answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":")[::2] for line in rest)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    return int(first.split()[1]), headers, body[: int(headers["content-length"])]


def exchange(parts: list[bytes], finished: bool) -> Any:
    """Send raw bytes, then ask for the health of the server.

    Args:
        parts: sent one after another.
        finished: whether they are a whole request, which must be answered.
    """
    answer = send(parts, finished)
    status, headers, body = send([head("GET", "/health", ("Connection: close",))]) or (0, {}, b"{}")
    assert (status, json.loads(body)) == (200, HEALTH)
    assert headers["x-content-type-options"] == "nosniff"
    if answer is None:
        assert not finished, "the connection was closed without an answer"
        raise DataError("closed without an answer")
    return understood(answer[0], answer[2], answer[1])


def head(method: str, path: str, lines: tuple[str, ...], host: str = "127.0.0.1") -> bytes:
    """The head of a request."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, "", "")).encode("latin-1")


def generate(random: Random, folder: Path) -> Case:
    """A request, valid or not, by one of all families."""
    return random.choice(FAMILIES)(random)


def words(random: Random) -> str:
    """A text of sentences, odd signs and what joins them."""
    known = [sentence.text for sentence in SENTENCES]
    parts = [
        random.choice(known) if random.random() < 0.4 else random.choice(ODD) for _ in range(random.randint(0, 12))
    ]
    return random.choice(["", " ", "\n", "  "]).join(parts)


def chosen(random: Random) -> list[str]:
    """The texts of a valid request."""
    return [words(random)[:400] for _ in range(random.randint(1, LIMITS.texts))]


def encoded(random: Random, texts: list[str]) -> bytes:
    """A valid body, in one of the ways in which JSON may be written."""
    written = json.dumps({"texts": texts}, ensure_ascii=random.random() < 0.5, indent=random.choice([None, 0, 3]))
    space = random.choice(["", " ", "\n\r\t "])
    return f"{space}{written}{space}".encode()


def typed(kind: str = JSON) -> list[tuple[bytes, bytes]]:
    """The header that says what the body is."""
    return [(b"content-type", kind.encode("latin-1"))]


def posted(name: str, body: bytes, expected: Any, mentions: tuple[str, ...] = (), kind: str = JSON) -> Case:
    """A body that is sent to /tag."""
    return Case(name, lambda: ask("POST", "/tag", body, typed(kind)), expected, mentions)


def answered(case: Case) -> Case:
    """The same case, of which a refusal would be a fault."""

    def read() -> Any:
        try:
            return case.read()
        except DataError as error:
            raise AssertionError(f"a valid request was refused: {error}") from error

    return Case(case.name, read, case.expected)


def joined_signs(random: Random) -> bytes:
    sign = random.choice((*ODD, "\N{GRINNING FACE}", "(", ".", "'", "a", "1,"))
    return encoded(random, [(sign * LIMITS.characters)[: random.randint(1, 1000)]])


def escapes(random: Random) -> bytes:
    units = words(random)[:200].encode("utf-16-be", "surrogatepass")
    written = "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2))
    return f'{{"texts":["{written}"]}}'.encode()


def repeated_key(random: Random) -> bytes:
    """The last of several equal keys counts, as everywhere in JSON."""
    before = ",".join('"texts":["x"]' for _ in range(random.randint(1, 500)))
    return f'{{{before},"texts":{json.dumps(chosen(random))}}}'.encode()


VALID = (lambda random: encoded(random, chosen(random)), joined_signs, escapes, repeated_key)


def valid(random: Random) -> Case:
    body = random.choice(VALID)(random)
    kind = random.choice([JSON, "Application/JSON", f"{JSON}; charset=utf-8", f" {JSON} ;x=y"])
    return answered(posted("valid", body, right(json.loads(body)["texts"]), kind=kind))


def encoded_ascii(texts: list[str]) -> bytes:
    """A body with escapes for all that is not ASCII."""
    return json.dumps({"texts": texts}).encode()


def number_of_characters(random: Random) -> bytes:
    sign = random.choice(["\N{GRINNING FACE}", "a ", "\0"])
    return encoded_ascii([(sign * LIMITS.characters)[: LIMITS.characters + random.randint(-1, 1)]])


def other_values(random: Random) -> bytes:
    value: Any = random.choice([None, True, 0, -1.5e300, 10**30, "Acme", [], {}, [["a"]], [{"a": 1}], [None], [1]])
    return json.dumps(value if random.random() < 0.3 else {"texts": value}).encode()


def other_keys(random: Random) -> bytes:
    key = random.choice(["text", "Texts", "texts ", "", "model", "\0", "k" * random.randint(1, 5000), "\N{MAN}" * 500])
    body = {"texts": ["Acme"], key: random.choice([1, None, ["a"]])}
    return json.dumps(body, ensure_ascii=random.random() < 0.5).encode()


def many_faults(random: Random) -> bytes:
    count = random.randint(100, 8000)
    one = random.choice([b"1,", b"{},", b"[],", b"null,", b"0.5,"])
    if random.random() < 0.5:
        return (b'{"texts":[' + one * count)[:30_000].rstrip(b",") + b"]}"
    keys = b",".join(b'"%d":1' % number for number in range(count))
    return b"{" + keys[:30_000].rpartition(b",")[0] + b"}"


def not_json(random: Random) -> bytes:
    return random.choice(
        [
            *(
                b"",
                b" ",
                b"{",
                b"nul",
                b"'texts'",
                b"{'texts': ['a']}",
                b'{"texts": ["a",]}',
                b"texts=Acme",
                b"<texts/>",
            ),
            *(b'{"texts": ["a"]} {"texts": ["a"]}', b'{"texts": [NaN]}', b"<texts/>", b'\xef\xbb\xbf{"texts": ["a"]}'),
            *(b'{"texts": ["a\n"]}', b'{"texts": ["\\x41"]}', b'{"texts": ["\\ud83d"]}', b'{"texts": ["a"] /* c */}'),
            *(b'{"texts": ["\\ude00\\ud83d"]}', b'{"texts":["' + b"a" * random.randint(1, 3000)),
            *("{'texts': ['a']}".encode("utf-16"), '{"texts": ["a"]}'.encode("utf-32-le")),
            *(b"[" * random.randint(1, 30_000), b'{"a":' * random.randint(1, 5000)),
            b'{"texts":[' + b"9" * random.randint(5000, 30_000) + b"]}",
        ]
    )


def not_utf8(random: Random) -> bytes:
    latin = "Soci\xe9t\xe9".encode("latin-1")
    wrong = random.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", latin])
    return b'{"texts":["Acme ' + wrong + b' Corp"]}'


def mutated(random: Random) -> bytes:
    """A valid body with some other bytes."""
    body = bytearray(encoded(random, chosen(random)))
    for _ in range(random.randint(1, 6)):
        place = random.randrange(len(body) + 1)
        body[place : place + random.randint(0, 3)] = bytes(random.randrange(256) for _ in range(random.randint(0, 3)))
    return bytes(body)


BODIES = (
    *(mutated, mutated, number_of_characters, other_values, other_keys, many_faults, not_json, not_utf8),
    lambda random: encoded(random, ["Acme"] * (LIMITS.texts + random.randint(-1, 1))),
)


def odd_body(random: Random) -> Case:
    """The JSON library of Python says what the body means."""
    body = random.choice(BODIES)(random)
    return posted("odd body", body, _by_python(body))


def _by_python(body: bytes) -> Any:
    """What a body asks for by the JSON library of Python, which is laxer in what it reads as numbers and text."""
    try:
        found = json.loads(body.decode())
        texts = found["texts"]
        fits = len(found) == 1 and isinstance(texts, list) and 0 < len(texts) <= LIMITS.texts
        if not fits or not all(isinstance(text, str) for text in texts) or sum(map(len, texts)) > LIMITS.characters:
            return Refusal
        "".join(texts).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return Refusal
    return right(texts)


def too_much_work(random: Random) -> Case:
    """Fewer characters than allowed, which are more tokens than allowed."""
    text = (random.choice("($%") * LIMITS.characters)[: LIMITS.characters - random.randint(0, 20)]
    return posted("tokens", encoded_ascii([text]), right([text]), ("tokens",))


def too_long(random: Random) -> Case:
    return posted("too long", b" " * (LIMITS.bytes + random.randint(1, 5000)), Refusal, ("413",))


def content_types(random: Random) -> Case:
    kinds = ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "\xe9"]
    kind = random.choice([*kinds, f"x {JSON}", f",{JSON}"])
    return posted("content type", encoded(random, ["Acme"]), Refusal, ("415",), kind)


def paths(random: Random) -> Case:
    method = random.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "POST"])
    path = random.choice(
        [*("/tags", "/tag/", "//tag", "/TAG", "/tag%2f", "/%00", "/%ff", "/tag;a", "/docs", "/redoc"), "/health/x"]
        + ["/tag"] * (method != "POST")
    )
    return Case("path", lambda: ask(method, path, encoded_ascii(["a"]), typed()), Refusal, ("404", "405"))


def long_addresses(random: Random) -> Case:
    path = random.choice(["/", "/tag?a=", "/tag/", "/health?"]) + "a" * random.randint(2048, 6000)
    return Case("long address", lambda: ask("POST", path, b"{}", typed()), Refusal, ("414",))


def many_headers(random: Random) -> Case:
    headers = typed() + [(b"x-%d" % number, b"a") for number in range(random.randint(101, 300))]
    return Case("many headers", lambda: ask("POST", "/tag", encoded_ascii(["a"]), headers), Refusal, ("431",))


def raw_head(random: Random) -> Case:
    texts = chosen(random)
    body = encoded(random, texts)
    lines = ["Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close"]
    lines += random.choice([[], ["Upgrade: websocket"], [f"X-Odd: {'a' * random.randint(0, 9000)}"]])
    random.shuffle(lines)
    whole = head("POST", "/tag", tuple(lines)) + body
    border = random.randrange(1, len(whole))
    return answered(Case("raw request", lambda: exchange([whole[:border], whole[border:]], True), right(texts)))


def raw_chunks(random: Random) -> Case:
    texts = chosen(random)
    body, size = encoded(random, texts), random.randint(1, 50)
    extension = random.choice([b"", b";a=b", b";" + b"e" * 100])
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    sent = b"".join(b"%x%s\r\n%s\r\n" % (len(each), extension, each) for each in chunks) + b"0\r\n\r\n"
    whole = head("POST", "/tag", ("Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close"))
    return answered(Case("raw chunks", lambda: exchange([whole, sent], True), right(texts)))


def raw_lengths(random: Random) -> Case:
    digits = "9" * random.choice([random.randint(12, 19), random.randint(21, 5000)])
    lengths = ["-1", "0x10", "5, 6", "5\r\nContent-Length: 6", digits, "\xb2"]
    encodings = ["gzip", "chunked, chunked", "chunked\r\nTransfer-Encoding: chunked"]
    odd = [f"Content-Length: {each}" for each in lengths] + [f"Transfer-Encoding: {each}" for each in encodings]
    whole = head("POST", "/tag", ("Content-Type: application/json", "Connection: close", random.choice(odd)))
    return Case("raw length", lambda: exchange([whole + b"{}"], True), Refusal)


def raw_bad_chunks(random: Random) -> Case:
    broken = random.choice(
        [b"zz\r\n", b"-1\r\n", b"5\r\nabc", b"\r\n\r\n", b"f" * 30 + b"\r\n", b"3\r\nabcd\r\n", b"1;" + b"a" * 20_000]
    )
    whole = head("POST", "/tag", ("Content-Type: application/json", "Transfer-Encoding: chunked"))
    return Case("raw broken chunks", lambda: exchange([whole, b'a\r\n{"texts":[\r\n', broken], False), Refusal)


def raw_lines(random: Random) -> Case:
    start, many = "POST /tag HTTP/1.1\r\nHost: 127.0.0.1\r\n", "a" * random.randint(17_000, 40_000)
    line = random.choice(
        [
            *("GET / HTTP/9.9", "GET / HTTP/2.0", "GET  /health HTTP/1.1", "get", "GET /health", "\0 / HTTP/1.1"),
            *("GET /\x80 HTTP/1.1", "GET /a b HTTP/1.1", f"GET /{many} HTTP/1.1", f"GET / HTTP/1.1\r\nX: {many}"),
            *("POST /tag HTTP/1.1\r\nNo colon", "POST /tag HTTP/1.1\r\n: empty", f"{start}Host: 127.0.0.1"),
            *(f"{start}A\0: b", f"{start}A: b\0", f"{start} folded"),
            "\r\n".join(["GET / HTTP/1.1", *["a: b"] * random.randint(3500, 5000)]),
        ]
    )
    sent = line.encode("latin-1") + b"\r\nConnection: close\r\n\r\n"
    return Case("raw head", lambda: exchange([sent], True), Refusal)


def raw_hosts(random: Random) -> Case:
    host = random.choice(
        ["", "elsewhere.example", "127.0.0.1.example", "127.0.0.1@example", "[", "[127.0.0.1]", "a:127.0.0.1", "*"]
    )
    whole = head("POST", "/tag", ("Content-Type: application/json", "Content-Length: 2", "Connection: close"), host)
    return Case("raw host", lambda: exchange([whole + b"{}"], True), Refusal, ("host",))


def raw_cut_off(random: Random) -> Case:
    body = encoded(random, chosen(random))
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
    whole = head("POST", "/tag", lines) + body
    return Case("raw cut off", lambda: exchange([whole[: random.randrange(len(whole))]], False), Refusal)


def raw_bytes(random: Random) -> Case:
    sent = bytes(random.randrange(256) for _ in range(random.randint(1, 600)))
    ending = random.choice([b"", b"\r\n\r\n", b"\n\n"])
    first = random.choice(
        [b"", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-a\r\n", b"\r\n" * 50]
    )
    return Case("raw bytes", lambda: exchange([first + sent + ending], False), Refusal)


def raw_pipeline(random: Random) -> Case:
    """A valid request with garbage behind it: the first is answered, whatever follows."""
    texts = chosen(random)
    body = encoded(random, texts)
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
    behind = random.choice([b"GARBAGE\r\n\r\n", b"\0" * 100, head("GET", "/health", ()) * 3, b"GET"])
    return answered(
        Case("raw pipeline", lambda: exchange([head("POST", "/tag", lines) + body + behind], True), right(texts))
    )


FAMILIES: tuple[Callable[[Random], Case], ...] = (
    *(*[valid] * 4, *[odd_body] * 9, too_much_work, too_long, content_types, paths, long_addresses, many_headers),
    *(raw_head, raw_chunks, raw_lengths, raw_bad_chunks, raw_lines, raw_hosts, raw_cut_off, raw_bytes, raw_pipeline),
)
