"""``finkd align``: show which tokens of two tokenizers cover the same text."""

from __future__ import annotations

from typing import Annotated

import typer

from finkd.experiments.console.terminal import results, show_json
from finkd.models.pretrained import DEFAULT


def align(
    text: Annotated[str, typer.Argument(help="The text.")],
    student: Annotated[str, typer.Option(metavar="DIR", help="Folder of the student's tokenizer or model.")],
    teacher: Annotated[str, typer.Option(help="Folder or name of the teacher.")] = DEFAULT,
    json: Annotated[bool, typer.Option("--json", help="Print tokens and pairs as JSON.")] = False,
) -> None:
    """Draw the alignment of one text between two tokenizers.

    Colours tell apart the smallest stretches that both cut out whole; a bar stands between the tokens of one stretch.
    What only one of them covers is red.

    Example: finkd align --student runs/vocabulary "Acme repaid the revolving facility."
    """
    from finkd.experiments.vocabularies.shift import named_tokenizer
    from finkd.tokenization.alignment import align as align_tokens
    from finkd.tokenization.drawing import as_dict, draw

    ours, theirs = named_tokenizer(student), named_tokenizer(teacher)
    alignment = align_tokens(theirs.encode([text]), ours.encode([text]))
    if json:
        show_json(as_dict(alignment, theirs, ours, text))
    else:
        results.print(draw(alignment, theirs, ours, text, results.width))
