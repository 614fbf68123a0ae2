"""``python -m finkd.runtimes.memory FOLDER RUNTIME SCRATCH``: peak memory of a process that reads one batch.

Texts come as a JSON list on standard input; the answer is a number of bytes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from finkd.corpora.errors import DataError

_STATUS = Path("/proc/self/status")


def peak_memory(folder: Path, runtime: str, scratch: Path, texts: Sequence[str]) -> int:
    """Bytes that a fresh process holds at most, with Python, PyTorch and the tagger.

    Args:
        folder: of the model.
        runtime: name of the runtime.
        scratch: where graphs have been exported.
        texts: one batch.

    Raises:
        DataError: if the process fails.
    """
    command = [sys.executable, "-m", "finkd.runtimes.memory", str(folder), runtime, str(scratch)]
    ended = subprocess.run(command, input=json.dumps(list(texts)), capture_output=True, text=True, check=False)
    if ended.returncode:
        last = (ended.stderr.strip() or "no message").splitlines()[-1]
        raise DataError(f"{folder}: memory of {runtime} cannot be measured ({last})")
    return int(ended.stdout.split()[-1])


def _main(folder: str, runtime: str, scratch: str) -> None:
    texts = json.load(sys.stdin)
    _read(Path(folder), runtime, Path(scratch), texts)
    sys.stdout.write(f"{_peak()}\n")


def _read(folder: Path, runtime: str, scratch: Path, texts: list[str]) -> None:
    """Read a batch, with nothing imported or held but what that takes."""
    if runtime == "spacy":
        from finkd.runtimes.peers import Pipeline

        list(Pipeline.load(folder).nlp.pipe(texts, batch_size=len(texts)))
        return
    from finkd.export.loading import load_tagger
    from finkd.export.onnx import GRAPH
    from finkd.inference.tagging import tag
    from finkd.models.loading import load_model
    from finkd.runtimes import runtimes

    if (scratch / runtime / GRAPH).is_file():  # the network that it was made of is not held beside it
        tagger = load_tagger(scratch / runtime, 1)
    else:
        tagger = runtimes.get(runtime)(load_model(folder), scratch, 1).tagger
    list(tag(texts, tagger, len(texts)))


def _peak() -> int:
    """Bytes that this process has held at most.

    Linux hands the peak of the process that began this one on to ``getrusage``; its own stands in ``/proc``.
    """
    if _STATUS.is_file():
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _main(*sys.argv[1:])
