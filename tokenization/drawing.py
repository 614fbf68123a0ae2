"""Draw the alignment of one text: teacher tokens, the text and student tokens under each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from finkd.tokenization.alignment import Alignment
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs, Tokens

STYLES = ("black on cyan", "black on yellow")
UNALIGNED = "white on red"
FRAME = "dim"
_SIDES = ("teacher", "text", "student")
_MARGIN = len("student ")
_BETWEEN = "│"
_Styled = tuple[str, tuple[str, str, str]]
"""The style of a block and its three lines."""


@dataclass(frozen=True)
class _Block:
    """One column of the picture.

    Attributes:
        start: first character, -1 before the text, its length after it.
        end: character after the last.
        teacher: names of the teacher's tokens.
        student: names of the student's tokens.
    """

    start: int
    end: int
    teacher: tuple[str, ...]
    student: tuple[str, ...]


def draw(alignment: Alignment, teacher: Tokenizer, student: Tokenizer, text: str, width: int = 100) -> Group:
    """Draw the alignment of one text in blocks, one per chunk, in two alternating colours.

    Both tokenizers begin and end a chunk at the same characters, so above and below each stretch of text stand exactly
    the tokens it is made of, with a bar between them. What only one tokenizer covers is red.

    Args:
        alignment: of a batch that holds this text alone.
        teacher: names the teacher's tokens.
        student: names the student's tokens.
        text: the text.
        width: columns of the terminal; blocks wrap there.

    Raises:
        ValueError: if the alignment is of more texts than one.
    """
    _require_one(alignment)
    styled = _styled(_blocks(alignment, teacher, student, text), text)
    drawn = [_row(blocks) for blocks in _wrapped(styled, width - _MARGIN)]
    tokens = alignment.student
    characters = (tokens.ends - tokens.starts).clip(min=0)
    total = int(characters.sum())
    unknown = int(characters[tokens.ids == student.special_ids.get("unk", -1)].sum())
    read = f", of which {unknown / total:.1%} are unknown to it" if unknown else ""
    covered = f"coverage {alignment.coverage:.1%} of the student's characters{read}"
    return Group(*drawn, Text(covered if total else "no text that the student reads"))


def as_dict(alignment: Alignment, teacher: Tokenizer, student: Tokenizer, text: str) -> dict[str, Any]:
    """Return the same picture as plain data.

    Returns:
        ``text``, ``coverage``, for either side its ``tokenizer`` and ``tokens`` (``token``, ``id``, ``start``, ``end``,
        ``chunk``, which is ``None`` for a token aligned to nothing), and ``pairs`` of (teacher token, student token,
        shared characters).

    Raises:
        ValueError: if the alignment is of more texts than one.
    """
    _require_one(alignment)
    teacher_chunks, student_chunks = alignment.chunks
    pairs = zip(
        alignment.teacher_index.tolist(), alignment.student_index.tolist(), alignment.overlap.tolist(), strict=True
    )
    return {
        "text": text,
        "coverage": alignment.coverage,
        "teacher": {"tokenizer": teacher.name, "tokens": _listed(alignment.teacher, teacher, teacher_chunks)},
        "student": {"tokenizer": student.name, "tokens": _listed(alignment.student, student, student_chunks)},
        "pairs": [list(pair) for pair in pairs],
    }


def _require_one(alignment: Alignment) -> None:
    if len(alignment.student) != 1:
        raise ValueError(f"the alignment of one text can be drawn, and this one is of {len(alignment.student)} texts")


def _listed(tokens: Tokens, tokenizer: Tokenizer, chunks: Longs) -> list[dict[str, Any]]:
    columns = zip(tokens.ids.tolist(), tokens.starts.tolist(), tokens.ends.tolist(), chunks.tolist(), strict=True)
    return [
        {
            "token": tokenizer.vocabulary[index],
            "id": index,
            "start": start,
            "end": end,
            "chunk": None if chunk < 0 else chunk,
        }
        for index, start, end, chunk in columns
    ]


def _blocks(alignment: Alignment, teacher: Tokenizer, student: Tokenizer, text: str) -> list[_Block]:
    """Make one block per chunk, per stretch that one or no tokenizer covers, in order."""
    members: dict[tuple[str, int], tuple[list[str], list[str], list[int]]] = {}
    sides = (alignment.teacher, teacher), (alignment.student, student)
    for side, ((tokens, tokenizer), chunks) in enumerate(zip(sides, alignment.chunks, strict=True)):
        for index, chunk in enumerate(chunks.tolist()):
            reach = _reach(tokens, index, len(text))
            key = ("chunk", chunk) if chunk >= 0 else (_SIDES[2 * side], reach[0])
            block = members.setdefault(key, ([], [], []))
            block[side].append(tokenizer.vocabulary[tokens.ids[index]])
            block[2].extend(reach)
    blocks = [_Block(min(ends), max(ends), tuple(ours), tuple(theirs)) for ours, theirs, ends in members.values()]
    blocks.sort(key=lambda block: (block.start, block.end))
    return sorted([*blocks, *_gaps(blocks, text)], key=lambda block: (block.start, block.end))


def _reach(tokens: Tokens, index: int, length: int) -> tuple[int, int]:
    if tokens.opening[index]:
        return -1, -1
    if tokens.closing[index]:
        return length, length
    return int(tokens.starts[index]), int(tokens.ends[index])


def _gaps(blocks: Iterable[_Block], text: str) -> Iterator[_Block]:
    covered = 0
    for block in [*blocks, _Block(len(text), len(text), (), ())]:
        if text[covered : max(block.start, 0)].strip():
            yield _Block(covered, block.start, (), ())
        covered = max(covered, block.end)


def _styled(blocks: Iterable[_Block], text: str) -> Iterator[_Styled]:
    """Choose the style and the three lines of each block."""
    chunks = 0
    for block in blocks:
        shown = _visible(text[block.start : block.end].strip()) if block.start >= 0 else ""
        if block.teacher and block.student and shown:
            style = STYLES[chunks % len(STYLES)]
            chunks += 1
        else:
            style = UNALIGNED if shown else FRAME
        yield style, (_visible(_BETWEEN.join(block.teacher)), shown, _visible(_BETWEEN.join(block.student)))


def _visible(text: str) -> str:
    """Return the text with controls and other unprintable characters spelt out, so that none reaches the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _wrapped(blocks: Iterable[_Styled], width: int) -> Iterator[list[_Styled]]:
    line: list[_Styled] = []
    used = 0
    for block in blocks:
        needed = max(map(cell_len, block[1])) + 1
        if line and used + needed > width:
            yield line
            line, used = [], 0
        line.append(block)
        used += needed
    if line:
        yield line


def _row(blocks: list[_Styled]) -> Table:
    """One line of blocks: a grid of three rows, a blank column between blocks, and an empty row below."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(len(blocks) + 1):
        grid.add_column(no_wrap=True)
    for side, label in enumerate(_SIDES):
        cells = [Text(lines[side], style=style if lines[side] else "") for style, lines in blocks]
        grid.add_row(Text(label, style=FRAME), *cells)
    grid.add_row()
    return grid
