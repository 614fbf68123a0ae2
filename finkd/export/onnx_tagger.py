"""Taggers that ONNX Runtime runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from finkd.corpora.errors import ConfigError, DataError, first_line
from finkd.corpora.sentence import Sentence
from finkd.data.encoding import Encoded
from finkd.data.sampler import by_length
from finkd.export.graph_file import INPUTS, check_graph, inputs
from finkd.inference.interrupt import current_interrupt
from finkd.inference.tagger import sentence_logits
from finkd.machine.processor import has_vnni
from finkd.machine.threads import default_threads
from finkd.models.config_file import MIN_LENGTH, positions, read_config
from finkd.models.lookup import GRAPH
from finkd.models.tagger_checks import check_labels, check_tokenizer
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokenizer_file import max_length
from finkd.tokenization.tokens import Longs, members

if TYPE_CHECKING:
    from finkd.models.model import Model

_BATCH_TOKENS = 128
"""Tokens of a batch: its states fit the core's cache, and little is padding. Of 32 sentences at a time, 28,800 words/s
where 512 tokens give 22,300 and 4,096 give 7,300 (8 bits, 3 layers, one thread)."""


@dataclass(frozen=True)
class OnnxTagger:
    """Tagger that ONNX Runtime runs.

    Attributes:
        session: the graph, from the ids of a batch, its mask and the case of its words to (batch, seq, labels) logits.
        tokenizer: its tokenizer.
        labels: label of each output.
        max_length: most tokens of an input.
        pool: threads that run a batch each; ``None`` for a single thread.
    """

    session: Any
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    max_length: int
    pool: ThreadPoolExecutor | None = None

    def word_logits(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        """Compute (words, labels) logits at each word's first token; NaN for words that no token covers."""
        tokens = encoded.tokens
        scores = np.zeros((len(tokens.ids), len(self.labels)), np.float32)
        interrupt = current_interrupt()

        def read(batch: tuple[Longs, npt.NDArray[np.bool_], dict[str, Longs]]) -> None:
            interrupt(0)
            at, mask, given = batch
            scores[at] = self._run(given)[mask]

        waiting = list(batches(encoded, self.tokenizer))
        list((self.pool.map if self.pool and len(waiting) > 1 else map)(read, waiting))
        found = scores[encoded.first]
        found[encoded.first < 0] = np.nan
        return found

    def _run(self, given: dict[str, Longs]) -> npt.NDArray[np.float32]:
        try:
            found: npt.NDArray[np.float32] = self.session.run(None, given)[0]
        except Exception as error:  # its errors have no common base
            raise DataError(
                f"model {self.tokenizer.name!r}: its graph fails on a text ({first_line(error)}); export it again"
            ) from error
        expected = (*given[INPUTS[0]].shape, len(self.labels))
        if found.shape != expected:
            raise DataError(
                f"model {self.tokenizer.name!r}: its graph gave scores of shape {found.shape}; expected {expected}"
            )
        return found


def load_onnx(folder: Path, threads: int | None = None) -> OnnxTagger:
    """Load a folder that ``export_onnx`` wrote.

    Args:
        folder: of the graph, the tokenizer and the configuration.
        threads: that run a batch each; ``None`` takes as many as PyTorch if it is imported, or as this process may use.
            (Two threads are .95 to 1.6 times as fast as one with one batch together, and 1.6 to 2 times with a batch
            each.)

    Raises:
        ConfigError: if the labels are not a tagger's, or the tokenizer does not fit.
        DataError: if the graph is damaged, or is not that of a tagger with these labels.
    """
    path = folder / GRAPH
    entries = read_config(folder)
    names = entries.get("id2label") or {}
    labels = tuple(names[str(number)] for number in range(len(names)))
    tokenizer = Tokenizer.load(folder)
    check_graph(path, len(labels), inputs(tokenizer))
    check_labels(labels, folder)
    check_tokenizer(tokenizer, entries.get("vocab_size", 0), entries.get("type_vocab_size", 0), folder)
    length = max_length(folder, MIN_LENGTH)
    if length > positions(entries):
        raise ConfigError(
            f"{folder / 'tokenizer_config.json'}: model_max_length: found {length}; the model has {positions(entries)} "
            "positions; export it again"
        )
    threads = threads or default_threads()
    pool = ThreadPoolExecutor(threads, "batch") if threads > 1 else None
    return OnnxTagger(graph_session(path), tokenizer, labels, length, pool)


def graph_session(path: Path, options: Any = None) -> Any:
    """Return a session of ONNX Runtime that runs a graph on one thread.

    Args:
        path: of the graph.
        options: of the session, such as its profiler; the number of threads is set here.

    Raises:
        DataError: if the graph cannot be read.
    """
    import onnxruntime

    options = options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Sums of products in 8 bits overflow without VNNI unless this is set. With VNNI they do not, and it would cost half
    # as much time again.
    options.add_session_config_entry("session.x64quantprecision", "0" if has_vnni() else "1")
    try:
        # The fused sum and norm is several times slower on a CPU than the two alone (1.32: 68 and 18 us for 35 x 384).
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except Exception as error:  # its errors have no common base
        raise DataError(f"{path}: cannot be read ({first_line(error)}); export the model again") from error


def batches(encoded: Encoded, tokenizer: Tokenizer) -> Iterator[tuple[Longs, npt.NDArray[np.bool_], dict[str, Longs]]]:
    """Yield the tokens of each batch, their mask, and the inputs of a graph."""
    for rows in by_length(np.arange(len(encoded.lengths)), encoded.lengths, _BATCH_TOKENS):
        at, lengths = members(encoded.tokens.rows, rows)[0], encoded.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, tokenizer.special_ids["pad"], np.int64)
        ids[mask] = encoded.tokens.ids[at]
        cases = np.zeros(mask.shape, np.int64)
        cases[mask] = encoded.tokens.cases[at]
        yield at, mask, dict(zip(inputs(tokenizer), (ids, mask.astype(np.int64), cases), strict=False))


@dataclass(frozen=True)
class Parity:
    """Differences between an exported tagger and its model.

    Attributes:
        words: compared words.
        differing: words with another best label.
        largest: largest difference between two logits.
    """

    words: int
    differing: int
    largest: float


def parity(exported: OnnxTagger, model: Model, sentences: Sequence[Sentence]) -> Parity:
    """Compare an exported tagger with its model, word by word."""
    words = differing = 0
    largest = 0.0
    for ours, theirs in zip(sentence_logits(sentences, exported), sentence_logits(sentences, model), strict=True):
        covered = ~np.isnan(theirs).any(axis=1)
        ours, theirs = ours[covered], theirs[covered]
        words += len(ours)
        differing += int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum())
        largest = max(largest, float(np.abs(ours - theirs).max(initial=0.0)))
    return Parity(words, differing, largest)
