"""Taggers as spaCy pipelines, in packages that pip installs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import atomic_folder, scratch_folder
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.segmentation import sentences_of_words
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entity_types
from finkd.export.loading import load_tagger
from finkd.inference.tagger import Tagger
from finkd.inference.tagging import Tagged, tag_sentences
from finkd.models.lookup import CONFIG, FACTORY, tagger_folder

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VERSION = re.compile(r"\d+(\.\d+)*")


class Component:
    """A part of a spaCy pipeline that sets ``doc.ents``.

    The document's tokens are the words that finkd reads, so that entities begin and end with tokens, and are those of
    ``finkd.tag`` wherever the two find the same words, as in the pipelines that ``export_spacy`` writes. The two differ
    in runs of more than 200 characters without white space, which finkd's own segmentation cuts.

    Args:
        name: in the pipeline.
        folder: of the tagger; ``None`` until ``from_disk`` names one.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self.name = name
        self.folder = folder
        self._tagger: Tagger | None = None

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], batch_size: int = 32) -> Iterator[Doc]:
        """Set the entities of a stream of documents, some of them at once."""
        waiting = iter(stream)
        while docs := list(islice(waiting, batch_size)):
            found = tag_sentences([(doc.text, _sentences(doc)) for doc in docs], self._loaded, batch_size)
            for doc, each in zip(docs, found, strict=True):
                yield _with_entities(doc, each)

    @property
    def labels(self) -> tuple[str, ...]:
        """Types of the entities that it finds; ``nlp.meta`` lists them."""
        if self.folder is None:
            return ()
        names = read_json(tagger_folder(self.folder) / CONFIG)["id2label"].values()
        return tuple(sorted(entity_types(names)))

    def to_disk(self, path: Path, *, exclude: Iterable[str] = ()) -> None:
        """Copy the tagger's files."""
        shutil.copytree(self._folder, path, dirs_exist_ok=True)

    def from_disk(self, path: Path, *, exclude: Iterable[str] = ()) -> Component:
        """Take the tagger in a folder."""
        self.folder, self._tagger = Path(path), None
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Other processes load the tagger for themselves."""
        return Component, (self.name, self.folder)

    @property
    def _folder(self) -> Path:
        if self.folder is None:
            raise ConfigError(f"{self.name}: has no tagger yet; call from_disk with the folder of one")
        return self.folder

    @property
    def _loaded(self) -> Tagger:
        self._tagger = self._tagger or load_tagger(self._folder)
        return self._tagger


def _with_entities(doc: Doc, tagged: Tagged) -> Doc:
    spans = [doc.char_span(each.start, each.end, each.label) for each in tagged.mentions]
    doc.ents = tuple(span for span in spans if span is not None)
    return doc


def _sentences(doc: Doc) -> list[Sentence]:
    return sentences_of_words([token.text for token in doc], [bool(token.whitespace_) for token in doc])


@Language.factory(FACTORY, assigns=["doc.ents"])
def make(nlp: Language, name: str) -> Component:
    """The component, before it is given a tagger; spaCy finds it by its entry point."""
    return Component(name)


def export_spacy(source: Path, folder: Path, name: str, version: str = "0.1.0") -> Path:
    """Write a package that pip installs and ``spacy.load`` finds.

    Args:
        source: folder of a tagger, of PyTorch or ONNX, or of another such package.
        folder: made, or replaced, once everything is written.
        name: of the package, behind ``en_``.
        version: its version.

    Returns:
        the folder to install: ``pip install FOLDER``.

    Raises:
        ConfigError: if the name or the version cannot be a package's, or the model is no tagger.
    """
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ConfigError(f"spacy: expected a name such as news_ner and a version such as 0.1.0 (got {name} {version})")
    load_tagger(source)
    nlp = spacy.blank("en")
    component: Any = nlp.add_pipe(FACTORY)
    component.from_disk(tagger_folder(source))
    # finkd is no requirement: pip would look for it on an index, where another project may have its name.
    nlp.meta |= {"name": name, "version": version}
    with scratch_folder() as scratch, atomic_folder(folder) as unfinished:
        pipeline, packed = scratch / "pipeline", scratch / "packed"
        nlp.to_disk(pipeline)
        packed.mkdir()
        _package(pipeline, packed)
        (made,) = packed.iterdir()
        shutil.copytree(made, unfinished, dirs_exist_ok=True)
    return folder


def _package(pipeline: Path, packed: Path) -> None:
    from spacy.cli.package import package

    package(pipeline, packed, create_sdist=False, create_wheel=False, silent=True)
