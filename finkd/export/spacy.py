"""Export of taggers as spaCy pipelines, in packages for pip."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import MARK, atomic_folder, scratch_folder
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.segmentation import sentences_of_words
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entity_types
from finkd.export.loading import find_tagger, load_tagger
from finkd.inference.tagger import Tagger
from finkd.inference.tagging import tag_sentences
from finkd.models.lookup import CONFIG, FACTORY, model_files

SCORE = "score"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VERSION = re.compile(r"\d+(\.\d+)*")


class Component:
    """Component of a spaCy pipeline that sets ``doc.ents``, and ``entity._.score`` of each: its probability.

    The words of the tagger are the document's tokens, so that entities begin and end with tokens. They are the entities
    of ``finkd.predict`` wherever the two have the same words, as in the pipelines that ``export_spacy`` writes, except
    for runs of more than 200 characters without white space, which finkd's segmentation splits.

    Args:
        name: in the pipeline.
        folder: of the tagger's files; ``None`` before ``from_disk``.
        min_score: entities of a lower score are left out.

    Raises:
        ConfigError: if ``min_score`` is no probability.
    """

    def __init__(self, name: str, folder: Path | None = None, min_score: float = 0) -> None:
        if not 0 <= min_score <= 1:
            raise ConfigError(f"{name}.min_score: expected a number from 0 to 1 (got {min_score})")
        self.name = name
        self.folder = folder
        self.min_score = min_score
        self._tagger: Tagger | None = None
        if not Span.has_extension(SCORE):
            Span.set_extension(SCORE, default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], batch_size: int = 32) -> Iterator[Doc]:
        """Set the entities of a stream of documents, in batches."""
        waiting = iter(stream)
        while docs := list(islice(waiting, batch_size)):
            self._tagger = self._tagger or load_tagger(self._folder)
            texts = [(doc.text, _sentences(doc)) for doc in docs]
            found = tag_sentences(texts, self._tagger, batch_size, min_score=self.min_score)
            for doc, each in zip(docs, found, strict=True):
                spans = [(doc.char_span(m.start, m.end, m.label), m.score) for m in each.mentions]
                doc.ents = tuple(span for span, _ in spans if span is not None)
                for span, score in spans:
                    if span is not None:
                        span._.set(SCORE, score)
                yield doc

    @property
    def labels(self) -> tuple[str, ...]:
        """Entity types, as listed in ``nlp.meta``."""
        if self.folder is None:
            return ()
        names = read_json(self.folder / CONFIG)["id2label"].values()
        return tuple(sorted(entity_types(names)))

    def to_disk(self, path: Path, *, exclude: Iterable[str] = ()) -> None:
        """Copy the tagger's files, and nothing else that lies beside them; those of this very folder stay."""
        folder, target = self._folder, Path(path)
        target.mkdir(parents=True, exist_ok=True)
        if target.resolve() != folder:
            for file in model_files(folder):
                shutil.copyfile(file, target / file.name)

    def from_disk(self, path: Path, *, exclude: Iterable[str] = ()) -> Component:
        """Use the tagger in a folder.

        Raises:
            FinkdError: if none lies there.
        """
        self.folder, self._tagger = find_tagger(Path(path).resolve()), None
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the folder's name; other processes load the tagger themselves."""
        return Component, (self.name, self.folder, self.min_score)

    @property
    def _folder(self) -> Path:
        if self.folder is None:
            raise ConfigError(f"{self.name}: has no tagger yet; call from_disk with the folder of one")
        return self.folder


def _sentences(doc: Doc) -> list[Sentence]:
    return sentences_of_words([token.text for token in doc], [bool(token.whitespace_) for token in doc])


@Language.factory(FACTORY, assigns=["doc.ents", "span._.score"], default_config={"min_score": 0.0})
def make(nlp: Language, name: str, min_score: float) -> Component:
    """Make the component without a tagger; spaCy finds this function by its entry point.

    ``spacy.load("en_news_ner", config={"components": {"finkd_tagger": {"min_score": 0.8}}})`` leaves out the doubtful.
    """
    return Component(name, min_score=min_score)


def export_spacy(source: Path, folder: Path, name: str, version: str = "0.1.0") -> Path:
    """Write a package for pip and ``spacy.load``.

    Args:
        source: folder of a PyTorch or ONNX tagger, or of another such package.
        folder: made, or replaced, once everything is written.
        name: of the package, without the prefix ``en_``.
        version: its version.

    Returns:
        the folder to install: ``pip install FOLDER``.

    Raises:
        ConfigError: if the name or the version cannot be a package's, or the model is no tagger.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> finkd.export_spacy(Path("tagger"), Path("pipeline"), "en_small").name
        'pipeline'
    """
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ConfigError(f"spacy: expected a name such as news_ner and a version such as 0.1.0 (got {name} {version})")
    from spacy.cli.package import package

    load_tagger(source)
    nlp = spacy.blank("en")
    component: Any = nlp.add_pipe(FACTORY)
    component.from_disk(find_tagger(source))
    # finkd is not a requirement: pip would look for it on an index, where another project may have its name.
    nlp.meta |= {"name": name, "version": version}
    with scratch_folder() as scratch, atomic_folder(folder) as unfinished:
        pipeline, packed = scratch / "pipeline", scratch / "packed"
        nlp.to_disk(pipeline)
        packed.mkdir()
        package(pipeline, packed, create_sdist=False, create_wheel=False, silent=True)
        (made,) = packed.iterdir()
        shutil.copytree(made, unfinished, dirs_exist_ok=True)
        (unfinished / MARK).touch()
    return folder
