"""Text and labels: sentences, tag schemes, readers, the corpus registry and the sample corpus.

Importing this package reads no corpus and imports neither spaCy nor pyarrow; both wait for the first text that needs
them.
"""

from finkd.corpora.catalog import corpora
from finkd.corpora.corpus import Corpus, NerCorpus, NerData, Source, TextCorpus, split_by_document
from finkd.corpora.loading import load
from finkd.corpora.sentence import Entity, Sentence
from finkd.corpora.tags import Scheme, convert, entities, from_entities, label_names
from finkd.corpora.text.sampling import fingerprint, sample_sentences, stream

__all__ = [
    "Corpus",
    "Entity",
    "NerCorpus",
    "NerData",
    "Scheme",
    "Sentence",
    "Source",
    "TextCorpus",
    "convert",
    "corpora",
    "entities",
    "fingerprint",
    "from_entities",
    "label_names",
    "load",
    "sample_sentences",
    "split_by_document",
    "stream",
]
