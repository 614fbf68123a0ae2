"""Which patterns of a tokenizer are taken."""

import pytest

from finkd.tokenization.patterns import problem

PUBLISHED = {
    "GPT-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "Llama 3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+",
    "GPT-4": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+",
    "GPT-4o": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "DeepSeek": r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
    r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "BLOOM": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "CLIP": r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "Kimi K2": r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{M}&&[^\p{Han}]]+(?i:'s|'t)?|\s+",
    "digits from the right": r"(?=(\d{3})+(?!\d))",
    "SuperBPE": r"\d{1,3}(?=(?:\d{3})*\b)",
    "ALBERT": " {2,}",
    "Falcon": "[0-9][0-9][0-9]",
    "a class that begins with its end": "[]a]+[^]a]*",
    "braces that repeat nothing": "a{b}{,}",
}


@pytest.mark.parametrize("pattern", PUBLISHED.values(), ids=PUBLISHED)
def test_published_patterns_are_taken(pattern):
    assert problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a*)*", "(a|a)*b", "(a|ab)+c", "((a?)){2,}", "(?:a{1,5}){2,}", "a{1,5}+", "a**"],
)
def test_repeated_groups_that_match_in_several_ways_are_refused(pattern):
    assert problem(pattern) == "repeats a group that can match one text in several ways"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (".*.*.*x", "has more than 2 open repetitions in a row"),
        ("(?:.*|(.*(.*)))(.*)y", "has more than 2 open repetitions in a row"),
        ("(x{1000}){1000}", "repeats something 1,000,000 times; expected 1,000 at most"),
        ("x{100000}", "repeats something 100,000 times; expected 1,000 at most"),
        (r"(a)\1", "refers back to a group"),
        (r"(?<n>a\g<n>?)b", "has a group of an unusual kind ('(?<n')"),
        ("a" * 2000, "has 2,000 characters; expected 1,000 at most"),
        ("a)", "has a ) too many"),
        ("*a", "repeats nothing ('*')"),
        ("a\0", "holds a NUL character"),
    ],
)
def test_other_patterns_say_why_they_are_refused(pattern, expected):
    assert problem(pattern) == expected
