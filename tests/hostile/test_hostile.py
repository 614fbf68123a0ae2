import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import DataError
from tests.hostile.case import KINDS, Case, Refusal, generator, judge

pytestmark = pytest.mark.slow

EXAMPLES = 15


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True)
@given(random=st.randoms(use_true_random=False))
def test_hostile_input_is_read_right_or_refused_by_name(kind, random):
    with tempfile.TemporaryDirectory() as folder:
        case = generator(kind)(random, Path(folder))
        verdict = judge(case)
        assert not verdict.is_fault, f"{case.name}: {verdict}"


def test_a_wrong_value_is_a_fault():
    assert judge(Case("", lambda: 1, expected=1)).outcome == "read"
    assert judge(Case("", lambda: 2, expected=1)).outcome == "misread"
    assert judge(Case("", lambda: 2, expected=Refusal)).outcome == "misread"


def test_an_error_is_a_fault_unless_it_is_ours_and_says_where():
    def refuse():
        raise DataError("a.conll:3: found nothing; expected a word")

    def fail():
        raise KeyError("word")

    assert judge(Case("", refuse, mentions=("a.conll",))).outcome == "refused"
    assert judge(Case("", refuse, mentions=("b.conll",))).outcome == "traceback"
    assert judge(Case("", fail)).outcome == "traceback"
