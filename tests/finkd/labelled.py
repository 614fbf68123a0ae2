"""Label a text by a teacher, in this process or in those that ``accelerate launch`` has started.

ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 --module tests.finkd.labelled STORE killed OUT
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import sentence_logits
from finkd.machine import processes
from finkd.store import Store
from finkd.teachers import labels
from finkd.teachers.labels import teacher_labels
from finkd.teachers.teacher import Teacher
from tests.finkd.toys import LABELS, tiny_model

labels.PART = 8
TEXT = [Sentence.from_words(["Acme", "lent", str(number), "million"]) for number in range(50)]


def main(store: Path, how: str, out: Path) -> None:
    """Label the text; ``killed`` ends the second process without a word once it has two parts."""

    def listen(progress):
        found.append(progress)
        if how == "killed" and processes.number() == 1 and len(found) == 2:
            os._exit(9)

    found = []
    teacher = Teacher("teacher", lambda: tiny_model(labels=LABELS, seed=7))
    scores = np.asarray(teacher_labels(TEXT, teacher, LABELS, Store(store), "fp32", listen))
    expected = np.concatenate([*sentence_logits(TEXT, teacher.open_tagger())])
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    if processes.is_first():
        assert len(found) < 7 or processes.count() == 1  # the other process has labelled some
        out.write_text(json.dumps(scores.round(4).tolist()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
