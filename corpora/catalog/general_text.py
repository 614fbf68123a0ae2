"""Unlabelled general English, 12 MB in four sources."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from finkd.corpora.catalog.plain import plain_lines
from finkd.corpora.corpus import Find, Lines, Source, TextCorpus

_CHECKSUMS = {
    "bbc_nonbusiness": "34b660085023fe3fc578872febdd37a82659de7154737ceb8aa46921ae2cbdfa",
    "brown_sentences": "ab397bcbe510d8f0dc4c564946694b2bcc941ecb2281955971074b53e55ff8a0",
    "wikitext2_test": "688887879b4b526692cb2e423a516dcc5f6584a01fd3f33a8e164fbed2de8090",
    "wikitext2_valid": "3cdd8cb5bb349a05840c7c3bef9578d90d64df77e27e0c25c033ba9342757ee3",
}
_FOLDER = "text/general"
_UNKNOWN = "<unk>"


def _read(find: Find) -> dict[str, Lines]:
    readers = {"brown_sentences": _brown, "wikitext2_test": _wikitext, "wikitext2_valid": _wikitext}
    return {name: partial(readers.get(name, plain_lines), find, f"{_FOLDER}/{name}.txt.gz") for name in _CHECKSUMS}


def _brown(find: Find, relative: str) -> Iterator[str]:
    for line in plain_lines(find, relative):
        yield line.replace("``", '"').replace("''", '"')


def _wikitext(find: Find, relative: str) -> Iterator[str]:
    """Sentences without WikiText's marks; headings go, as do sentences with a word replaced by ``<unk>``."""
    for line in plain_lines(find, relative):
        if line.strip().startswith("="):
            continue
        for sentence in line.strip().split(" . "):
            if _UNKNOWN not in sentence:
                joined = sentence.replace(" @-@ ", "-").replace(" @,@ ", ",").replace(" @.@ ", ".")
                yield f"{joined.removesuffix(' .')} ."


GENERAL_TEXT = TextCorpus(
    name="general-text",
    title="General English, unlabelled",
    origin="github.com: pytorch/examples (WikiText-2), nltk/nltk_data (Brown), dejanbatanjac/bbc-article-classify-bert",
    licence="mixed: CC BY-SA (WikiText-2), non-commercial (Brown), research use (BBC)",
    reference="Merity et al. (2017); Francis and Kucera (1979); Greene and Cunningham (2006)",
    files={f"{_FOLDER}/{name}.txt.gz": Source(checksum) for name, checksum in _CHECKSUMS.items()},
    notes=(
        "WikiText-2 is valid and test only; its headings and its sentences with <unk> are left out",
        "WikiText-2 and Brown are tokenised: their words are separated by spaces",
    ),
    read=_read,
)
