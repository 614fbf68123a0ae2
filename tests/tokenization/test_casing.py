"""Case of words against a plain definition, character by character."""

import unicodedata

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from finkd.tokenization.casing import CASES, token_cases


def plainly(text, start, end):
    """The case of the run of letters, their accents, and digits that a token begins in."""

    def is_inside(place):
        return 0 <= place < len(text) and (text[place].isalnum() or unicodedata.combining(text[place]) > 0)

    if start == end or not is_inside(start):
        return "no letters"
    first = last = start
    while is_inside(first - 1):
        first -= 1
    while is_inside(last):
        last += 1
    word = text[first:last]
    length = sum(sign.isalnum() for sign in word)
    capitals = [sign.isalnum() and (sign.isupper() or sign.istitle()) for sign in word]
    smalls = [sign.isalnum() and sign.islower() for sign in word]
    if not any(capitals) and not any(smalls):
        return "no letters"
    if not any(capitals):
        return "lower"
    if not any(smalls):
        return "one letter" if length == 1 else "UPPER"
    return "Initial" if sum(capitals) == 1 and capitals[0] else "miXed"


@given(st.lists(st.text(st.characters(max_codepoint=0x1FFFF), max_size=20), max_size=4))
@example(["E\u0301cole E\u0301 \u0301"])
@example(["IBM's eBay-like McDonald J. SMITH2 2nd É é ǅ 東京 \N{GRINNING FACE}X"])
def test_the_case_of_a_token_is_that_of_its_word(texts):
    spans = [
        (row, start, end)
        for row, text in enumerate(texts)
        for start in range(len(text) + 1)
        for end in (start, start + 1)
        if end <= len(text)
    ]
    rows = np.searchsorted(np.array([row for row, _, _ in spans], int), np.arange(len(texts) + 1))
    starts, ends = (np.array([span[side] for span in spans], np.int32) for side in (1, 2))
    found = token_cases(texts, starts, ends, rows)
    assert [CASES[case] for case in found] == [plainly(texts[row], start, end) for row, start, end in spans]
