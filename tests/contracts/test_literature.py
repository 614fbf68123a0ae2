"""Every name goes back to something that is known, or is said to be finkd's own."""

import importlib
import re

import pytest

from finkd.corpora.errors import UnknownNameError
from finkd.experiments.commands.listing import KINDS as LISTED
from finkd.reports.literature import KINDS, bibtex, cited, names, references
from finkd.reports.tables.published import PUBLISHED


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "methods"])
def test_every_name_of_a_registry_is_there_and_no_other(kind):
    module, _, attribute = LISTED[kind].partition(":")
    registry = getattr(importlib.import_module(module), attribute)
    own = [name for name, entry in registry.entries().items() if entry.package is None]
    assert list(names(kind)) == own


def test_every_work_is_cited_and_every_citation_is_known():
    keys = {work.key for kind in KINDS for name in names(kind) for work in cited(kind, name)}
    keys |= {each.source for each in PUBLISHED if each.source}
    assert keys == set(references())


@pytest.mark.parametrize("kind", ["strategies", "recipes"])
def test_what_an_entry_says_of_its_source_is_what_is_cited(kind):
    module, _, attribute = LISTED[kind].partition(":")
    registry = getattr(importlib.import_module(module), attribute)
    for name in names(kind):
        said = set(re.findall(r"arXiv (\d{4}\.\d{5})", registry.get(name).source))
        assert said <= {work.arxiv for work in cited(kind, name)}, name


def test_a_reference_reads_well():
    work = references()["gordon2020distill"]
    assert work.short == "Gordon and Duh 2020"
    assert references()["jiao2020tinybert"].short == "Jiao et al. 2020"
    assert references()["hinton2015distilling"].full == (
        "Geoffrey Hinton, Oriol Vinyals, Jeff Dean (2015). Distilling the Knowledge in a Neural Network. "
        "arXiv 1503.02531."
    )


def test_bibtex_holds_every_work_in_balanced_braces():
    text = bibtex()
    assert re.findall(r"^@\w+\{(\w+),$", text, re.MULTILINE) == list(references())
    assert text.count("{") == text.count("}")


def test_unknown_kinds_are_named():
    with pytest.raises(UnknownNameError, match="nothing of the kind 'teachers' is cited"):
        cited("teachers", "x")
    assert cited("strategies", "somebody's own") == ()
