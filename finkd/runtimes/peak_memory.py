"""Peak memory of a process that tags one batch: ``python -m finkd.runtimes.peak_memory FOLDER RUNTIME SCRATCH``.

The process reads texts as a JSON list from standard input and prints a number of bytes.
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
    """Return the peak memory in bytes of a fresh process, with Python, PyTorch and the tagger.

    Raises:
        DataError: if the process fails.
    """
    command = [sys.executable, "-m", "finkd.runtimes.peak_memory", str(folder), runtime, str(scratch)]
    ended = subprocess.run(command, input=json.dumps(list(texts)), capture_output=True, text=True, check=False)
    if ended.returncode:
        last = (ended.stderr.strip() or "no message").splitlines()[-1]
        raise DataError(f"{folder}: memory of {runtime} cannot be measured ({last})")
    return int(ended.stdout.split()[-1])


def _tag(folder: Path, runtime: str, scratch: Path, texts: list[str]) -> None:
    """Tag a batch, and import and load nothing else."""
    if runtime == "spacy":
        from finkd.runtimes.spacy_pipeline import Pipeline

        list(Pipeline.load(folder).nlp.pipe(texts, batch_size=len(texts)))
        return
    from finkd.export.loading import load_tagger
    from finkd.inference.tagging import predict
    from finkd.models.loading import load_model
    from finkd.models.lookup import GRAPH
    from finkd.runtimes import runtimes

    if (scratch / runtime / GRAPH).is_file():  # without the network that it was exported from
        tagger = load_tagger(scratch / runtime, 1)
    else:
        tagger = runtimes.get(runtime)(load_model(folder), scratch, 1).tagger
    list(predict(texts, tagger, len(texts)))


def _peak() -> int:
    """Return the peak memory of this process; on Linux ``getrusage`` inherits that of the parent, ``/proc`` not."""
    if _STATUS.is_file():
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _tag(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), json.load(sys.stdin))
    sys.stdout.write(f"{_peak()}\n")
