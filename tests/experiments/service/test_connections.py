"""Bounds on connections: with a clock that the test moves, and over real sockets."""

import asyncio
import json
import select
import socket
import threading
from unittest import mock

import h11
import httpx
import pytest

from finkd.experiments.service import connections
from finkd.experiments.service.app import app_of
from finkd.experiments.service.connections import Server, allow_connections, listen
from finkd.experiments.service.limits import Limits
from finkd.experiments.service.messages import Reply, Served

GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /tag HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Clock:
    """The part of a loop that a protocol uses."""

    def __init__(self):
        self.timers = []

    def call_later(self, seconds, callback, *given):
        timer = Timer(seconds, callback, given)
        self.timers.append(timer)
        return timer

    def create_task(self, work):
        work.close()
        return asyncio.Future(loop=asyncio.new_event_loop())

    def waiting(self):
        return [timer for timer in self.timers if not timer.is_over]


class Timer:
    def __init__(self, seconds, callback, given):
        self.seconds, self.callback, self.given, self.is_over = seconds, callback, given, False

    def cancel(self):
        self.is_over = True

    def fire(self):
        self.is_over = True
        self.callback(*self.given)


class Wire(mock.Mock):
    """A transport that keeps what is written."""

    written, is_closed, is_aborted, max_size = b"", False, False, 1 << 18

    def get_extra_info(self, name, default=None):
        return default

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.is_closed

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_closed = self.is_aborted = True


def connection(limits, others=0):
    server = Server(lambda *given: None, limits)
    server.config.load()
    server.server_state.connections.update(object() for _ in range(others))
    clock, wire = Clock(), Wire()
    protocol = server.config.http_protocol_class(server.config, server.server_state, {}, clock)
    protocol.connection_made(wire)
    return protocol, wire, clock


def test_who_takes_nothing_of_an_answer_is_cut_off():
    protocol, wire, clock = connection(Limits(stall_seconds=7))
    protocol.data_received(GET)
    protocol.pause_writing()
    (stall,) = [timer for timer in clock.waiting() if timer.seconds == 7]
    protocol.resume_writing()
    assert stall.is_over
    protocol.pause_writing()
    (stall,) = [timer for timer in clock.waiting() if timer.seconds == 7]
    stall.fire()
    assert wire.is_aborted


@pytest.mark.parametrize("closes", ["close", "timeout_keep_alive_handler", "shutdown"])
def test_a_closed_connection_whose_rest_nobody_takes_is_cut_off(closes):
    protocol, wire, clock = connection(Limits(stall_seconds=7, seconds=60))
    getattr(protocol, closes)()
    assert wire.is_closed
    protocol.handle_events()
    (stall,) = [timer for timer in clock.waiting() if timer.seconds == 7]
    stall.fire()
    assert wire.is_aborted


def test_a_head_that_does_not_come_closes_the_connection():
    protocol, wire, clock = connection(Limits(seconds=60))
    (head,) = clock.waiting()
    protocol.data_received(GET[:10])
    assert clock.waiting() == [head]
    head.fire()
    assert wire.is_closed


def test_little_is_read_at_once_and_less_of_chunks():
    protocol, wire, _ = connection(Limits())
    assert wire.max_size == 4096
    wire.set_write_buffer_limits.assert_called_with(high=32 << 10)
    protocol.data_received(
        b"POST /tag HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert wire.max_size == 1024


def test_a_connection_is_closed_after_its_last_request():
    protocol, _, _ = connection(Limits(requests=1))
    protocol.data_received(GET)
    assert not protocol.cycle.keep_alive
    protocol, _, _ = connection(Limits(requests=2))
    protocol.data_received(GET)
    assert protocol.cycle.keep_alive


def test_more_connections_than_allowed_are_told_so_or_cut_off():
    protocol, wire, clock = connection(Limits(connections=3), others=3)
    assert protocol.app is connections._BUSY
    assert [timer.seconds for timer in clock.waiting()] == [1.0]
    protocol.data_received(GET)
    (tell,) = clock.waiting()
    tell.fire()
    assert wire.is_aborted
    _, wire, _ = connection(Limits(connections=3), others=3 + 64)
    assert wire.is_aborted


def test_what_is_no_request_is_answered_in_json():
    protocol, wire, _ = connection(Limits())
    protocol.data_received(b"\x16\x03\x01\r\n\r\n")
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert "detail" in json.loads(body)
    assert wire.is_closed
    protocol.data_received(GET)
    assert protocol.cycle is None


def test_garbage_in_a_body_after_the_answer_has_begun_is_not_answered_again():
    protocol, wire, _ = connection(Limits())
    protocol.data_received(b"POST /tag HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    protocol.conn.send(h11.Response(status_code=413, headers=[]))
    protocol.data_received(b"zz\r\n")
    assert wire.written == b""
    assert wire.is_closed
    assert protocol.cycle.disconnected


def test_too_many_connections_for_the_system_are_refused(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (100, 1000))
    changed = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: changed.append(limits))
    allow_connections(500)
    assert changed == [(628, 1000)]
    with pytest.raises(ValueError, match="--connections: expected at most 872 "):
        allow_connections(900)


class Large:
    """A worker that answers with megabytes, or not at all."""

    served = Served("large", ("ORG",))
    is_ready = True

    def __init__(self, megabytes):
        self.megabytes, self.cancelled, self.asked = megabytes, threading.Event(), threading.Event()
        self.done = None

    def submit(self, received, done):
        self.done = done
        self.asked.set()
        if self.megabytes:
            done(Reply(200, [b"x" * 65536] * 16 * self.megabytes))
        return self._cancel

    def _cancel(self):
        self.cancelled.set()
        self.done(None)

    def close(self):
        pass


class Running:
    """A service of a worker in a thread."""

    def __init__(self, worker, limits):
        self.bound = listen("127.0.0.1", 0)
        self.address = self.bound.getsockname()
        self.server = Server(app_of([worker], limits), limits)
        self.thread = threading.Thread(target=self.server.run, args=([self.bound],))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.should_exit = True
        self.thread.join(60)
        self.bound.close()

    def ask(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(self.address)
        client.sendall(POST % 2 + b"{}")
        return client


def test_the_body_of_an_answer_does_not_wait_until_its_head_is_acknowledged():
    with Running(Large(1), Limits()) as running, socket.create_connection(running.address) as client:
        client.sendall(GET)
        assert client.recv(12) == b"HTTP/1.1 200"
        (connection,) = running.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_readers_that_stand_still_are_cut_off_and_their_memory_is_free():
    limits = Limits(memory=24 << 20, stall_seconds=0.2)
    with Running(Large(8), limits) as running:
        readers = [running.ask() for _ in range(4)]
        began = [reader.recv(12) for reader in readers]
        assert sorted(began) == [b"HTTP/1.1 200", b"HTTP/1.1 200", b"HTTP/1.1 503", b"HTTP/1.1 503"]
        for reader in readers:
            reader.close()
        while running.server.server_state.connections:
            pass  # until their ends have been noticed
        answer = httpx.post("http://{}:{}/tag".format(*running.address), json={}, timeout=60)
        assert answer.content == b"x" * (8 << 20)


def _taken(reader):
    try:
        return reader.recv(65536)
    except ConnectionError:
        return b""


def test_a_client_that_stands_still_does_not_hold_its_answer():
    limits = Limits(memory=24 << 20, stall_seconds=0.2)
    with Running(Large(8), limits) as running, running.ask() as reader:
        taken = len(reader.recv(12))
        assert running.server.server_state.connections
        while running.server.server_state.connections:
            pass  # until it is cut off
        ended = select.poll()
        ended.register(reader, 0)
        assert ended.poll(60_000)  # before it has taken what lies in its own buffer: the service's kernel keeps nothing
        while part := _taken(reader):
            taken += len(part)
        assert taken < 64 << 10


def test_the_end_does_not_wait_for_readers_and_work_for_ever():
    worker = Large(0)
    with Running(worker, Limits(shutdown_seconds=0.2)) as running, running.ask():
        assert worker.asked.wait(60)
        running.server.should_exit = True
        running.thread.join(60)
        assert not running.thread.is_alive()
    assert worker.cancelled.is_set()
    with Running(Large(8), Limits(shutdown_seconds=0.2)) as running, running.ask() as reader:
        assert reader.recv(12) == b"HTTP/1.1 200"
        running.server.should_exit = True
        running.thread.join(60)
        assert not running.thread.is_alive()


def test_a_client_that_is_gone_cancels_its_work():
    worker = Large(0)
    with Running(worker, Limits()) as running:
        running.ask().close()
        assert worker.cancelled.wait(60)
