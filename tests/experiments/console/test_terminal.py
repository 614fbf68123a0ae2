"""Warnings of the packages reach the person at the command line, each once and on one line."""

import logging

from finkd.experiments.console.terminal import show_warnings


def test_a_warning_is_said_once_on_standard_error(monkeypatch):
    said = []
    monkeypatch.setattr("finkd.experiments.console.terminal.say", said.append)
    loggers = [logging.getLogger(name) for name in ("finkd",)]
    before = [list(logger.handlers) for logger in loggers]
    try:
        for _ in range(2):
            show_warnings()
        for name in ("finkd.corpora.readers.offsets", "finkd.corpora.loading", "finkd.store"):
            logging.getLogger(name).warning("%s: is\nodd", "x.jsonl")
        logging.getLogger("finkd.corpora").info("not this")
    finally:
        for logger, handlers in zip(loggers, before, strict=True):
            logger.handlers = handlers
    assert said == ["finkd: warning: x.jsonl: is odd"]
