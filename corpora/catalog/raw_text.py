"""Unlabelled English: financial, 94 MB in twelve sources, general, 12 MB in four, and both together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from finkd.corpora.corpus import Find, Lines, Source, TextCorpus
from finkd.corpora.readers.lines import numbered_lines

_FINANCIAL = {
    "bbc_business": "dd415df2aeeafa5d4013040953054b939bad7e30911d7a05812af21ce81a79bb",
    "ectsum_train_half": "e10fa8966d3da858278483df16f0cd09a226f46184d15d0c17c8c3475fafc271",
    "financebench_10k_prose": "02bc1a552b42e7d1c66da2f0b71a993fa52eaf0049b353a071d62a6c6624636d",
    "fomc": "ca0e1228969a94da1be13b7969452078d7c8cd8cdec9022540ccd9ba9f9e0917",
    "reuters21578": "a0800e2be84c7bbcd4b2daa03d9f45f203f35f448a3bb7da9bd518f544846b34",
    "sec_credit_agreements": "84d8a9c5cd0604e585b22899b130483cd404cb10fd287956dc9e49fa0136bfcd",
    "tatqa_dev_test_paragraphs": "fb34b5aeed14476b4b97df1a9cf973e88656768601158a2531d593f3680009b4",
}
_NEWS = {
    "fincausal": "074665de9dcd765dfa085854a4d07988fc486530a7d03eff55276d4a995e838a",
    "fnspid_nasdaq": "bff9e73c54b00669f4a6aa76198fa34e9deba0458f53a6fc2ce4e6b7847ddaf7",
    "wikinews": "0422b443c8f96bc5270f0631b9b559ee4e099bf07dee2e23e718a7a550fb50be",
    "wmt_newstest": "32eca7cd56ad3d1b046e9b82eaa4eecc47077cbae8e26c15073788491cc6af77",
    "yahoo_finance": "016e2f430e991d096dfca2115a1dca0ed485b11ad0e8b37b7f887a28aa133ecd",
}
"""Newspapers and news sites of 2008 to 2022."""
_FINANCIAL_FILES = {
    name: (f"text/{folder}/{name}.txt.gz", checksum)
    for folder, sources in (("financial", _FINANCIAL), ("financial-news", _NEWS))
    for name, checksum in sources.items()
}


def plain_lines(find: Find, relative: str) -> Iterator[str]:
    """Read the non-blank lines of one of a corpus's files; the file is looked for when the first line is asked for.

    Raises:
        UnavailableError: if the file is nowhere.
        DataError: if it was changed, or is not UTF-8.
    """
    for _, line in numbered_lines(find(relative)):
        # In three lines of the 10-K prose, the PDF's check boxes came out as NULs.
        if line.strip() and "\0" not in line:
            yield line


FINANCIAL_TEXT = TextCorpus(
    name="financial-text",
    origin=(
        "github.com: LexPredict/lexpredict-contraxsuite-samples, rajdeep345/ECTSum, gtfintechlab/fomc-hawkish-dovish, "
        "Arthur-sauvage/Reuter, patronus-ai/financebench, NExTplusplus/TAT-QA, "
        "dejanbatanjac/bbc-article-classify-bert, FelixDrinkall/financial-news-dataset, sahar-arshad/FNSPID_EMNLP, "
        "yseop/YseopLab, Docma-TU/toscaData, vanatteveldt/wikinews, Helsinki-NLP/OPUS-MT-testsets"
    ),
    licence=(
        "mixed: CC BY-SA 4.0, GPL-3.0, CC BY-NC 4.0, CC BY-NC-SA 4.0, CC BY 4.0, public filings, "
        "research use (Reuters, BBC, all news of 2008 to 2022)"
    ),
    reference=(
        "Mukherjee et al. (2022); Shah et al. (2023); Lewis (1997); Islam et al. (2023); Zhu et al. (2021); "
        "Greene and Cunningham (2006); Drinkall, Pierrehumbert and Zohren (2025); Dong, Fan and Peng (2024); "
        "Mariko et al. (2020)"
    ),
    files={path: Source(checksum) for path, checksum in _FINANCIAL_FILES.values()},
    notes=(
        "lines that share a 13-gram with an evaluation split of the financial NER corpora were dropped (not with FIN5)",
        "a line is a sentence (ECTSum, FOMC), a paragraph (agreements, 10-K, TAT-QA) or a document (Reuters, BBC)",
        "Reuters is newswire of 1987: dlrs, pct, mln, and headlines in capitals",
        "Yahoo Finance, FNSPID, FinCausal, Wikinews and WMT are news of 2008 to 2022 (text/financial-news)",
    ),
    read=lambda find: {name: partial(plain_lines, find, path) for name, (path, _) in _FINANCIAL_FILES.items()},
)

_GENERAL = {
    "bbc_nonbusiness": "34b660085023fe3fc578872febdd37a82659de7154737ceb8aa46921ae2cbdfa",
    "brown_sentences": "ab397bcbe510d8f0dc4c564946694b2bcc941ecb2281955971074b53e55ff8a0",
    "wikitext2_test": "688887879b4b526692cb2e423a516dcc5f6584a01fd3f33a8e164fbed2de8090",
    "wikitext2_valid": "3cdd8cb5bb349a05840c7c3bef9578d90d64df77e27e0c25c033ba9342757ee3",
}
_FOLDER = "text/general"
_UNKNOWN = "<unk>"


def _read_general(find: Find) -> dict[str, Lines]:
    readers = {"brown_sentences": _brown, "wikitext2_test": _wikitext, "wikitext2_valid": _wikitext}
    return {name: partial(readers.get(name, plain_lines), find, f"{_FOLDER}/{name}.txt.gz") for name in _GENERAL}


def _brown(find: Find, relative: str) -> Iterator[str]:
    for line in plain_lines(find, relative):
        yield line.replace("``", '"').replace("''", '"')


def _wikitext(find: Find, relative: str) -> Iterator[str]:
    """Read sentences without WikiText's marks; skip headings and sentences with a word replaced by ``<unk>``."""
    for line in plain_lines(find, relative):
        if line.strip().startswith("="):
            continue
        for sentence in line.strip().split(" . "):
            if _UNKNOWN not in sentence:
                joined = sentence.replace(" @-@ ", "-").replace(" @,@ ", ",").replace(" @.@ ", ".")
                yield f"{joined.removesuffix(' .')} ."


GENERAL_TEXT = TextCorpus(
    name="general-text",
    origin="github.com: pytorch/examples (WikiText-2), nltk/nltk_data (Brown), dejanbatanjac/bbc-article-classify-bert",
    licence="mixed: CC BY-SA (WikiText-2), non-commercial (Brown), research use (BBC)",
    reference="Merity et al. (2017); Francis and Kucera (1979); Greene and Cunningham (2006)",
    files={f"{_FOLDER}/{name}.txt.gz": Source(checksum) for name, checksum in _GENERAL.items()},
    notes=(
        "WikiText-2 is valid and test only; its headings and its sentences with <unk> are left out",
        "WikiText-2 and Brown are tokenised: their words are separated by spaces",
    ),
    read=_read_general,
)

ENGLISH_TEXT = TextCorpus(
    name="english-text",
    origin=f"{GENERAL_TEXT.name} and {FINANCIAL_TEXT.name}",
    licence="mixed, see both",
    reference=f"{GENERAL_TEXT.reference}; {FINANCIAL_TEXT.reference}",
    files={**GENERAL_TEXT.files, **FINANCIAL_TEXT.files},
    notes=(*GENERAL_TEXT.notes, *FINANCIAL_TEXT.notes),
    read=lambda find: {**GENERAL_TEXT.read(find), **FINANCIAL_TEXT.read(find)},
)
