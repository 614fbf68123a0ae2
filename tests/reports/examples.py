"""Run records made by hand, with figures that are easy to check."""

from itertools import accumulate

from finkd.records import Resources, RunRecord, StageRecord
from finkd.scores import Counts, NerScores, ScoreGroup

SHARES, FACTORS = ("p10", "p25", "p50", "p75", "p90", "p99"), (0.5, 0.8, 1.0, 1.3, 1.5, 2.0)
TWINS = ("student of small", "student of large")
ORDER = ["two words", "dictionary", "minilm", "plain", "domain-vocabulary"]


def record(
    system,
    role,
    seed,
    org=(60, 80, 80),
    per=(10, 20, 20),
    *,
    parameters=None,
    embedding=None,
    latency=None,
    stages=(),
    vocabulary=None,
    **fields,
):
    """One record; ``org`` and ``per`` are correct, predicted and gold entities."""
    defaults = {
        "experiment": "vocabulary",
        "corpus": "fin3",
        "split": "test",
        "strategy": " > ".join(stages),
        "config": {"systems": ORDER},
        "corpora": {"fin3": "sha256:0a1b2c"},
        "environment": {"python": "3.11", "torch": "2.13.0", "threads": 1},
        "overlap": 0.0125,
    }
    losses = tuple((share, 2.0 - share) for share in (0.25, 0.5, 0.75, 1.0))
    resources = Resources(
        parameters=parameters,
        embedding_parameters=embedding,
        bytes=None if parameters is None else parameters * 4,
        latency_ms={} if latency is None else dict(zip(SHARES, (latency * factor for factor in FACTORS), strict=True)),
        words_per_second=None if latency is None else 20_000 / latency,
    )
    return RunRecord(
        system=system,
        role=role,
        seed=seed,
        scores=NerScores(
            {"PER": Counts(*per), "ORG": Counts(*org)},
            words=2000,
            per_document=_documents(org, per),
            by_score=_by_score(org, per) if role != "baseline" and org[1] + per[1] else (),
        ),
        resources=fields.pop("resources", resources),
        lineage=tuple(
            StageRecord(kind, key, {}, 60.0 + seed, 100_000, cached=False, losses=losses)
            for kind, key in zip(stages, accumulate(stages), strict=True)
        ),
        vocabulary=vocabulary or {},
        **{**defaults, **fields},
    )


def _by_score(*types, count=5):
    """The same entities in groups, of which the surest are right most often."""
    correct, predicted, _ = (sum(each) for each in zip(*types, strict=True))
    sizes = [predicted * (n + 1) // count - predicted * n // count for n in range(count)]
    left, groups = predicted - correct, []
    for place, size in reversed(list(enumerate(sizes))):
        wrong = min(left, size // 2)
        left -= wrong
        groups.append(ScoreGroup(round(0.95 - 0.1 * place, 2), size, size - wrong))
    return tuple(reversed(groups))


def _documents(*types, count=5):
    """The same entities, spread evenly over some documents."""
    sums = [sum(each) for each in zip(*types, strict=True)]
    shares = ([total * (n + 1) // count - total * n // count for total in sums] for n in range(count))
    return {f"document-{n}": Counts(*share) for n, share in enumerate(shares)}


def example_records():
    """Two baselines, a teacher and two students with two seeds each."""
    general = {"name": "minilm", "algorithm": "wordpiece", "size": 30_522, "fertility": 1.42, "overlap": 1.0}
    domain = {"name": "fin5", "algorithm": "unigram", "size": 8_000, "fertility": 1.21, "overlap": 0.375}
    records = [
        record("two words", "baseline", 1, org=(0, 0, 80), per=(18, 20, 20)),
        record("dictionary", "baseline", 1, org=(32, 64, 80), per=(16, 16, 20)),
    ]
    for seed, org in ((1, 72), (2, 68)):
        records += [
            record(
                *("minilm", "teacher", seed, (org, 80, 80), (16, 20, 20)),
                **{"parameters": 22_700_000, "embedding": 11_900_000, "latency": 6.0},
                **{"stages": ("finetune",), "vocabulary": general},
            ),
            record(
                *("plain", "student", seed, (org - 8, 80, 80), (12, 20, 20)),
                **{"parameters": 17_000_000, "embedding": 11_900_000, "latency": 3.0},
                **{"stages": ("distill:general", "task-distill"), "vocabulary": general},
            ),
            record(
                *("domain-vocabulary", "student", seed, (org - 4, 80, 80), (14, 20, 20)),
                **{"parameters": 6_800_000, "embedding": 3_060_000, "latency": 2.0},
                **{"stages": ("distill:general", "replace-vocabulary", "task-distill"), "vocabulary": domain},
            ),
        ]
    return records


def several_teachers():
    """One student under a small and a large teacher, and another one under the small one alone; two seeds each."""
    twins = {name: {"strategy": "truncate-layers > finetune", "teacher": name.split()[-1]} for name in TWINS}
    config = {"systems": {"small": {}, "large": {}, **twins, "other": {"strategy": "finetune", "teacher": "small"}}}
    shared = {"corpus": "fin3", "experiment": "teachers", "config": config}
    records = []
    for seed in (1, 2):
        records += [record("small", "teacher", seed, (60, 80, 80), **shared)]
        records += [record("large", "teacher", seed, (75, 80, 80), **shared)]
        students = (("student of small", 50), ("student of large", 55 + seed), ("other", 50))
        records += [record(name, "student", seed, (org, 80, 80), **shared) for name, org in students]
    return records


def ordered(*stages, seeds=2, gain=0):
    """Records of a student with some stages, with so many entities found more than 60 of 100."""
    found = 50 + gain
    own = {"systems": {name: {"teacher": "large"} for name in (" > ".join(stages),)}}
    return [
        record(
            *(" > ".join(stages), "student", seed, (found, 80, 80), (10, 20, 20)),
            **{"stages": stages, "config": own, "experiment": "orders"},
        )
        for seed in range(1, seeds + 1)
    ]


def several_orders():
    """Students whose stages are the same in other orders, or that lack one."""
    return [
        *ordered("text", "gold", gain=10),
        *ordered("gold", "text", gain=4),
        *ordered("general", "text", "gold", gain=11),
        *ordered("general", "gold", "text", gain=7),
        *ordered("text"),
        *ordered("text", "text"),  # what an exchange of these would be, nobody can say
    ]
