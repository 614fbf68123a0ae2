"""Warnings and messages of the packages reach the person at the command line, on one line each."""

import logging

from finkd.experiments.console.terminal import show_messages


def test_a_warning_is_said_once_and_all_else_each_time_on_standard_error(monkeypatch):
    said = []
    monkeypatch.setattr("finkd.experiments.console.terminal.say", said.append)
    logger = logging.getLogger("finkd")
    before = list(logger.handlers)
    level = logger.level
    try:
        for _ in range(2):
            show_messages()
        for name in ("finkd.corpora.readers.offsets", "finkd.corpora.loading", "finkd.store"):
            logging.getLogger(name).warning("%s: is\nodd", "x.jsonl")
        for _ in range(2):
            logging.getLogger("finkd.corpora").info("so much")
            logging.getLogger("finkd.experiments.service").error("it ended")
        logging.getLogger("finkd.corpora").debug("not this")
    finally:
        logger.handlers = before
        logger.setLevel(level)
    assert said == ["finkd: warning: x.jsonl: is odd", *2 * ["finkd: so much", "finkd: it ended"]]
