"""The corpora that finkd knows, one module each."""

from __future__ import annotations

from finkd.corpora.corpus import Corpus
from finkd.corpora.registry import Registry

corpora: Registry[Corpus] = Registry(
    "corpora",
    {
        "sec-filings": (
            "finkd.corpora.catalog.sec_filings:SEC_FILINGS",
            "credit agreements, FIN5 to train and FIN3 to test: PER ORG LOC MISC",
        ),
        "finer-ord": ("finkd.corpora.catalog.finer_ord:FINER_ORD", "financial news, score on validation: PER LOC ORG"),
        "fire": (
            "finkd.corpora.catalog.fire:FIRE",
            "financial reports and news, 13 types; the published dev set split anew",
        ),
        "kpi-edgar": (
            "finkd.corpora.catalog.kpi_edgar:KPI_EDGAR",
            "10-K sentences, 11 types of key performance indicators",
        ),
        "fnxl": ("finkd.corpora.catalog.fnxl:FNXL", "SEC sentences with tagged numerals, every XBRL tag read as NUM"),
        "finentity": ("finkd.corpora.catalog.finentity:FINENTITY", "Reuters paragraphs, companies and markets as ENT"),
        "wikigold": ("finkd.corpora.catalog.wikigold:WIKIGOLD", "Wikipedia, for domain shift: PER LOC ORG MISC"),
        "wnut17": (
            "finkd.corpora.catalog.wnut17:WNUT17",
            "emerging entities in social media, for domain shift: 6 types",
        ),
        "sample": (
            "finkd.corpora.catalog.sample:SAMPLE",
            "by finkd's own grammar, ships with it: PER ORG LOC INSTRUMENT",
        ),
        "financial-text": (
            "finkd.corpora.catalog.raw_text:FINANCIAL_TEXT",
            "unlabelled: credit agreements, earnings calls, FOMC, Reuters, 10-K, TAT-QA, news of 2008-2022 (94 MB)",
        ),
        "general-text": (
            "finkd.corpora.catalog.raw_text:GENERAL_TEXT",
            "unlabelled: WikiText-2 valid and test, Brown, BBC without business (12 MB)",
        ),
        "english-text": (
            "finkd.corpora.catalog.raw_text:ENGLISH_TEXT",
            "unlabelled: general-text and financial-text together (106 MB)",
        ),
        "sample-text": (
            "finkd.corpora.catalog.sample:SAMPLE_TEXT",
            "unlabelled, by finkd's own grammar, ships with it",
        ),
    },
)
