"""Warnings of the packages reach the person at the command line, each once and on one line."""

import logging

from finkd.experiments.console.terminal import show_warnings


def test_a_warning_is_said_once_on_standard_error(monkeypatch):
    said = []
    monkeypatch.setattr("finkd.experiments.console.terminal.say", said.append)
    logger = logging.getLogger("finkd")
    before = list(logger.handlers)
    try:
        for _ in range(2):
            show_warnings()
        for name in ("finkd.corpora.readers.offsets", "finkd.corpora.loading", "finkd.store"):
            logging.getLogger(name).warning("%s: is\nodd", "x.jsonl")
        logging.getLogger("finkd.corpora").info("not this")
    finally:
        logger.handlers = before
    assert said == ["finkd: warning: x.jsonl: is odd"]
