"""Unlabelled financial English, 68 MB in seven sources."""

from __future__ import annotations

from functools import partial

from finkd.corpora.catalog.plain import plain_lines
from finkd.corpora.corpus import Find, Lines, Source, TextCorpus

_CHECKSUMS = {
    "bbc_business": "dd415df2aeeafa5d4013040953054b939bad7e30911d7a05812af21ce81a79bb",
    "ectsum_train_half": "e10fa8966d3da858278483df16f0cd09a226f46184d15d0c17c8c3475fafc271",
    "financebench_10k_prose": "02bc1a552b42e7d1c66da2f0b71a993fa52eaf0049b353a071d62a6c6624636d",
    "fomc": "ca0e1228969a94da1be13b7969452078d7c8cd8cdec9022540ccd9ba9f9e0917",
    "reuters21578": "a0800e2be84c7bbcd4b2daa03d9f45f203f35f448a3bb7da9bd518f544846b34",
    "sec_credit_agreements": "84d8a9c5cd0604e585b22899b130483cd404cb10fd287956dc9e49fa0136bfcd",
    "tatqa_dev_test_paragraphs": "fb34b5aeed14476b4b97df1a9cf973e88656768601158a2531d593f3680009b4",
}


def _read(find: Find) -> dict[str, Lines]:
    return {name: partial(plain_lines, find, f"text/financial/{name}.txt.gz") for name in _CHECKSUMS}


FINANCIAL_TEXT = TextCorpus(
    name="financial-text",
    title="Financial English, unlabelled",
    origin=(
        "github.com: LexPredict/lexpredict-contraxsuite-samples, rajdeep345/ECTSum, gtfintechlab/fomc-hawkish-dovish, "
        "Arthur-sauvage/Reuter, patronus-ai/financebench, NExTplusplus/TAT-QA, dejanbatanjac/bbc-article-classify-bert"
    ),
    licence="mixed: CC BY-SA 4.0, GPL-3.0, CC BY-NC 4.0, CC BY 4.0, public filings, research use (Reuters, BBC)",
    reference=(
        "Mukherjee et al. (2022); Shah et al. (2023); Lewis (1997); Islam et al. (2023); Zhu et al. (2021); "
        "Greene and Cunningham (2006)"
    ),
    files={f"text/financial/{name}.txt.gz": Source(checksum) for name, checksum in _CHECKSUMS.items()},
    notes=(
        "lines that share a 13-gram with an evaluation split of the financial NER corpora were dropped (not with FIN5)",
        "a line is a sentence (ECTSum, FOMC), a paragraph (agreements, 10-K, TAT-QA) or a document (Reuters, BBC)",
        "Reuters is newswire of 1987: dlrs, pct, mln, and headlines in capitals",
    ),
    read=_read,
)
