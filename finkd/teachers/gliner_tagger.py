"""GLiNER models as teachers: entity types are prompts (Zaratiana et al., arXiv 2311.08526)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from finkd.corpora.errors import ConfigError, UnavailableError, first_line
from finkd.corpora.files import exists, sha256
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import label_names
from finkd.machine.third_party import no_code_of_models, quiet
from finkd.store import address
from finkd.teachers.label_map import OTHERS, LabelReading, Probabilities
from finkd.teachers.spans import Span, span_probabilities

_BATCH = 16


@dataclass(frozen=True)
class GlinerTagger:
    """GLiNER model that looks for some types.

    Attributes:
        folder: of the model.
        prompts: names of the types in plain words, such as ``"company"``.
    """

    folder: Path
    prompts: tuple[str, ...]

    load: ClassVar[None] = None
    spec: ClassVar[None] = None

    @cached_property
    def key(self) -> str:
        """Content address of its files and of the prompts."""
        files = sorted(path for path in self.folder.iterdir() if path.is_file())
        hashes = {path.name: sha256(path) for path in files}
        return address({"prompts": self.prompts, "version": 2, **hashes})  # 2: words that are not read have NaN

    @property
    def labels(self) -> tuple[str, ...]:
        """IOB2 labels of the prompts."""
        return label_names(self.prompts)

    @cached_property
    def _network(self) -> Any:
        with quiet("gliner"), no_code_of_models(f"gliner:{self.folder}"):
            from gliner import GLiNER

            try:
                return GLiNER.from_pretrained(str(self.folder), local_files_only=True)
            except ConfigError:
                raise
            except Exception as error:  # its networks raise errors without a common base
                reason = first_line(error)[:200]
                raise ConfigError(f"gliner:{self.folder}: cannot be loaded ({reason})") from error

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Return (words, labels) distributions of each sentence: an entity's score, and O for the rest.

        GLiNER reads a limited number of its own words (384) and cuts off the rest of a text, which has NaN.
        """
        texts = [sentence.text for sentence in sentences]
        found = self._network.inference(texts, list(self.prompts), batch_size=_BATCH) if texts else []
        result = []
        for sentence, entities in zip(sentences, found, strict=True):
            spans = [Span(each["start"], each["end"], each["label"], float(each["score"])) for each in entities]
            probabilities = span_probabilities(sentence, spans, self.labels)
            read = self._read(sentence.text)
            probabilities[[start >= read for start, _ in sentence.spans]] = np.nan
            result.append(probabilities)
        return result

    def _read(self, text: str) -> int:
        """Return how many characters of a text the network reads."""
        ends = [end for _, _, end in self._network.data_processor.words_splitter(text)]
        limit: int = self._network.config.max_len
        return len(text) if len(ends) <= limit else ends[limit - 1]


def open_gliner(name: str, reading: LabelReading) -> GlinerTagger:
    """Find a model; it is loaded when it is needed.

    Raises:
        ConfigError: if gliner is not installed, or no types are named.
        UnavailableError: if the model is nowhere.
    """
    if find_spec("gliner") is None:
        raise ConfigError(f"gliner:{name}: needs pip install 'finkd[gliner]'")
    prompts = tuple(prompt for prompt in reading.labels if prompt != OTHERS)
    if not prompts:
        raise ConfigError(f"gliner:{name}: name the types to look for, such as labels: {{company: ORG, person: PER}}")
    return GlinerTagger(_folder(name), prompts)


def _folder(name: str) -> Path:
    path = Path(name).expanduser()
    if (path / "gliner_config.json").is_file():
        return path
    if exists(path):
        raise ConfigError(f"gliner:{name}: the folder has no gliner_config.json")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        patterns = ["*.json", "*.txt", "*.model", "*.safetensors", "*.bin"]  # read with weights_only=True
        return Path(snapshot_download(name, allow_patterns=patterns, etag_timeout=5))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnavailableError(f"gliner:{name}: neither a folder nor on the hub or in its cache") from error
