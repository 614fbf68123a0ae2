"""What suites need, looked at before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from finkd.experiments.suites.encoder_experiment import TASKS
from finkd.experiments.suites.request import Request
from finkd.experiments.suites.squad import prepared
from finkd.experiments.suites.texts import check


def check_suites(request: Request, suites: Iterable[str]) -> None:
    """Check the data, the settings and the teacher of suites; others than those of encoders check themselves at once.

    Raises:
        FinkdError: if something named does not exist, the data break their format, or a teacher has another tokenizer.
    """
    for suite in suites:
        if suite == "squad":
            prepared(request)
        elif suite == "inference":
            check(replace(request, settings={}, teacher=None), TASKS[suite])
        elif suite in TASKS:
            check(request, TASKS[suite])
