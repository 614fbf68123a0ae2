"""Micro-F1 against the amount of raw text: how much text a student needs."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import cycle
from math import prod
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from finkd.records import StageRecord
from finkd.reports.figures.canvas import COLOURS, ROLE_COLOURS, new_figure, shortened
from finkd.reports.sections import Section, SystemResults, configured
from finkd.reports.spread import Spread

_LEAST = 3
"""Amounts of text that make a line."""


class _Point(NamedTuple):
    sentences: int
    f1: Spread


def text_amount(section: Section) -> Figure | None:
    """Draw lines of students that differ only in how many sentences of raw text they read.

    One line joins those that read each sentence equally often, another those that read equally many tokens in all;
    ``None`` if no three students differ like that.
    """
    lines: dict[tuple[str, str], list[_Point]] = defaultdict(list)
    for system in section.of_role("student"):
        stages = [stage for stage in system.records[0].lineage if _reads_text(stage) and stage.tokens]
        point = _Point(_sentences(system), system.f1)
        if not (stages and point.sentences and system.is_scored):
            continue
        like = _apart_from_text(system)
        lines[like, _passes(stages)].append(point)
        lines[like, _tokens(stages)].append(point)
    long = {key: points for key, points in lines.items() if len({point.sentences for point in points}) >= _LEAST}
    if not long:
        return None
    figure = new_figure(9, 4.2, layout="constrained")
    axes = figure.subplots()
    for (key, points), colour in zip(long.items(), cycle(COLOURS[1:]), strict=False):
        counts, spreads = zip(*sorted(points, key=lambda point: point.sentences), strict=True)
        means, errors = [each.mean for each in spreads], [each.sd or 0.0 for each in spreads]
        axes.errorbar(counts, means, yerr=errors, color=colour, marker="o", markersize=4, linewidth=1.4, label=key[-1])
    for teacher in section.of_role("teacher"):
        if teacher.is_scored:
            axes.axhline(teacher.f1.mean, color=ROLE_COLOURS["teacher"], linewidth=1, linestyle=(0, (5, 4)))
            name, place = shortened(teacher.name, 40), axes.get_yaxis_transform()
            axes.text(
                0.01, teacher.f1.mean, name, transform=place, va="bottom", fontsize=9, color=ROLE_COLOURS["teacher"]
            )
    axes.set_xscale("log")
    axes.set_xticks(sorted({point.sentences for points in long.values() for point in points}))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("sentences of raw text (log scale)")
    axes.set_ylabel("micro-F1")
    axes.grid(True)
    axes.legend(fontsize=9, frameon=False, loc="lower right")
    return figure


def _sentences(system: SystemResults) -> int:
    """The different sentences of raw text that its stages read; 0 if its records do not say it."""
    record = system.records[0]
    stages = [stage for stage in record.lineage if _reads_text(stage)]
    kept = prod(float(each.config.get("keep", 1)) for each in stages if each.kind == "select")
    rest = prod(1 - float(each.config.get("held_out", 0)) for each in stages if each.kind.startswith("calibrate"))
    return round(record.texts.get("text", 0) * rest * kept)


def _apart_from_text(system: SystemResults) -> str:
    """What a system is, whatever amount of text it reads: its teacher, its start, and its other settings."""
    own = configured(system.records[0])
    settings = [
        (stage.kind, {**stage.config, "schedule": None} if _reads_text(stage) else stage.config)
        for stage in system.records[0].lineage
        if stage.kind != "select"
    ]
    return json.dumps([own.get("teacher"), own.get("start"), settings], sort_keys=True, default=str)


def _reads_text(stage: StageRecord) -> bool:
    return stage.config.get("on") == "text"


def _passes(stages: list[StageRecord]) -> str:
    return f"each sentence read {sum(float(stage.config['schedule']['epochs']) for stage in stages):g} times"


def _tokens(stages: list[StageRecord]) -> str:
    return f"{sum(stage.tokens for stage in stages) / 1e6:.2g} M tokens read"
