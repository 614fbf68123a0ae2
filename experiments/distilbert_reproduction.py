"""DistilBERT again (Sanh et al. 2019, arXiv 1910.01108).

FINKD_DATA=../shared/data python experiments/distilbert_reproduction.py
python experiments/distilbert_reproduction.py --teacher google-bert/bert-base-uncased --text wikitext.txt --epochs 3
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finkd.experiments.cli import Script
from finkd.experiments.console.options import Overrides, Seeds, numbers
from finkd.experiments.console.terminal import messages, say, show_tables
from finkd.experiments.console.threads import Threads
from finkd.models.pretrained import DEFAULT

if TYPE_CHECKING:
    from finkd.data.raw_text import Text
    from finkd.experiments.running.events import Listener

STRATEGIES = {
    "distilled": "masked-teacher > truncate-layers(token_types=false)"
    " > distill:general(teacher=masked-teacher, losses=distilbert, rarity=0.7)",
    "every other layer": "truncate-layers(token_types=false)",
}
"""The student, by the first steps of the strategy ``distilbert``, and a control without distillation."""
SUITES = {"glue": ("cola", "mrpc"), "imdb": (), "squad": (), "inference": ()}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(cls=Script)
def main(
    teacher: Annotated[str, typer.Option(help="Name or folder of the model that is distilled.")] = DEFAULT,
    text: Annotated[str, typer.Option(help="Unlabelled text: a corpus by name, or a file.")] = "general-text",
    sentences: Annotated[int, typer.Option(min=1, help="How many of its sentences are read.")] = 60_000,
    epochs: Annotated[float, typer.Option(min=0, help="How often they are read.")] = 1,
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a batch of the distillation.")] = 1024,
    all_glue: Annotated[bool, typer.Option("--all-glue", help="All of GLUE, not CoLA and MRPC alone.")] = False,
    seeds: Seeds = None,
    overrides: Overrides = None,
    threads: Threads = None,
    out: Annotated[Path, typer.Option(help="Folder for models, records and report.")] = Path("runs/distilbert"),
) -> None:
    """Distil every other layer of a teacher on general text, fine-tune both alike, and report what the student keeps.

    A control without distillation is fine-tuned beside them. --set replaces settings of fine-tuning, for quick looks.

    Example: python experiments/distilbert_reproduction.py --epochs 1 --set schedule.epochs=1
    """
    from finkd.corpora.loading import check_exists
    from finkd.models.pretrained import resolve

    check_exists(text)
    resolve(teacher)  # before what takes seconds to import

    from finkd.data.raw_text import Text
    from finkd.experiments.configuration.experiment import overridden
    from finkd.experiments.console.progress import shown
    from finkd.experiments.suites.evaluate import evaluate_suite
    from finkd.reports.build import build
    from finkd.reports.report import compose
    from finkd.suites.record import load_task_records

    read = Text(text, sentences, min_words=1, max_words=100)
    settings = overridden({}, overrides or [])
    with shown(messages) as listen:
        for seed in numbers("--seeds", seeds or ["1"]):
            students = _students(out, teacher, read, epochs, batch_tokens, seed, listen)
            for name, model in {Path(teacher).name: teacher, **students}.items():
                for suite, tasks in SUITES.items():
                    evaluate_suite(
                        model,
                        suite,
                        out,
                        seeds=(seed,),
                        tasks=() if all_glue else tasks,
                        settings=settings if suite in ("glue", "imdb") else None,
                        name=name,
                        role="student" if name in students else "teacher",
                        listen=listen,
                    )
    records = load_task_records([out])
    build([], out, task_records=records)
    show_tables(compose([], None, records).overviews.values())
    say(f"the report is in {out / 'report.html'}")


def _students(
    out: Path, teacher: str, text: Text, epochs: float, batch_tokens: int, seed: int, listen: Listener
) -> dict[str, str | Path]:
    from finkd.experiments.configuration.names import slug
    from finkd.experiments.running.strategy import make
    from finkd.store import Store

    training = {"epochs": epochs, "batch_tokens": batch_tokens, "dropout": 0}
    stages = {
        "adapt": {"schedule": {**training, "learning_rate": 1e-4}},
        "distill": {"schedule": {**training, "learning_rate": 5e-4}},
    }
    folders: dict[str, str | Path] = {name: out / "models" / f"{slug(name)}-seed-{seed}" for name in STRATEGIES}
    store = Store(out.parent / "store")
    for name, folder in folders.items():
        make(
            STRATEGIES[name],
            Path(folder),
            store=store,
            model=teacher,
            text=text,
            stages=stages,
            seed=seed,
            listen=listen,
        )
    return folders


if __name__ == "__main__":
    app()
