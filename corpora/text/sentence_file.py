"""Sentences on disk: an Arrow file of which only what is read is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096


class SentenceFile(Sequence[Sentence]):
    """Sentences of an Arrow file; each is made when it is asked for. A slice is of the same file.

    Args:
        table: their columns, as ``write`` lays them out.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    @classmethod
    def read(cls, path: Path) -> SentenceFile:
        """Return the sentences of a file, which stays open.

        Raises:
            DataError: if the file is damaged.
        """
        import pyarrow as pa

        try:
            return cls(pa.ipc.open_file(pa.memory_map(str(path))).read_all())
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{path}: cannot be read ({error}); remove it, and it will be written again") from error

    @staticmethod
    def write(path: Path, sentences: Iterable[Sentence]) -> int:
        """Write sentences, some thousands at a time; returns how many there were."""
        import pyarrow as pa

        count, left = 0, iter(sentences)
        numbers, words = pa.list_(pa.int32()), pa.list_(pa.string())
        columns = {"text": pa.string(), "starts": numbers, "ends": numbers, "tags": words, "document": pa.string()}
        schema = pa.schema(columns)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            while rows := [_row(sentence) for sentence in islice(left, _ROWS)]:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
                count += len(rows)
        return count

    def __len__(self) -> int:
        return self.table.num_rows  # type: ignore[no-any-return]

    @overload
    def __getitem__(self, at: int) -> Sentence: ...

    @overload
    def __getitem__(self, at: slice) -> SentenceFile: ...

    def __getitem__(self, at: int | slice) -> Sentence | SentenceFile:
        if isinstance(at, slice):
            import pyarrow as pa

            first, last, step = at.indices(len(self))
            if step == 1:
                return SentenceFile(self.table.slice(first, max(0, last - first)))
            return SentenceFile(self.table.take(pa.array(range(first, last, step), pa.int64())))
        if not -len(self) <= at < len(self):
            raise IndexError(f"sentence {at} of {len(self)}")
        return _sentence(self.table.slice(at % len(self), 1).to_pylist()[0])

    def __iter__(self) -> Iterator[Sentence]:
        batches = self.table.to_batches(max_chunksize=_ROWS)
        return (_sentence(row) for batch in batches for row in batch.to_pylist())


def _row(sentence: Sentence) -> dict[str, Any]:
    starts, ends = zip(*sentence.spans, strict=True) if sentence.spans else ((), ())
    return {
        "text": sentence.text,
        "starts": starts,
        "ends": ends,
        "tags": sentence.tags,
        "document": sentence.document,
    }


def _sentence(row: dict[str, Any]) -> Sentence:
    spans = tuple(zip(row["starts"], row["ends"], strict=True))
    return Sentence(row["text"], spans, None if row["tags"] is None else tuple(row["tags"]), row["document"])
