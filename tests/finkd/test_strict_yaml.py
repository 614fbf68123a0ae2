"""YAML is bounded, and nothing is converted silently."""

import pytest

from finkd.corpora.errors import ConfigError
from finkd.strict_yaml import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES, read_yaml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("a: 1\nb: [1.5, x, true, null]\n", {"a": 1, "b": [1.5, "x", True, None]}),
        ("{on: 1, 2024: 2, no: 3, 1e-5: 4, null: 5}", {"on": 1, "2024": 2, "no": 3, "1e-5": 4, "null": 5}),
        ("a: &one {x: 1}\nb: *one\nc: {<<: *one, y: 2}", {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}),
        ("[0x10, 1_000, 0, -3, +4]", [16, 1000, 0, -3, 4]),
        ("[010, 1:30, 2024-01-01, =, 1e-5]", ["010", "1:30", "2024-01-01", "=", "1e-5"]),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
    ],
)
def test_legal_yaml_is_plain_values(text, expected):
    assert read_yaml(text, "x") == expected


LAUGHS = "a0: &a0 [x, x]\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 30))
MERGED = "a0: &a0 {k: 1}\n" + "\n".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"^x:3: not valid YAML \('a' is given twice\)$"),
        ("{1: a, '1': b}", "'1' is given twice"),
        ("{? [1, 2] : a}", "expected a key that is text"),
        ("{? {a: 1} : a}", "expected a key that is text"),
        ("{? : a}", "expected a key that is text"),
        ("{? !!binary aGk= : a}", "expected a key that is text"),
        (f"seed: {'9' * 5000}", "a number of 5,000 characters"),
        (f"seed: 0x{'f' * 5000}", "a number of 5,002 characters"),
        ("a: 1:30.5", "expected a decimal number"),
        ('"\\ud800"', "half a surrogate pair"),
        ('{"\\ud800": 1}', "half a surrogate pair"),
        ("!!int abc", "'abc' cannot be read as int"),
        ("!!bool maybe", "'maybe' cannot be read as bool"),
        ("!!int ''", "cannot be read as int"),
        ("!!set {a, b}", "could not determine a constructor"),
        ("!!binary aGk=", "could not determine a constructor"),
        ("!!python/object/apply:os.system ['false']", "could not determine a constructor"),
        ("!!map [1]", "expected a mapping node"),
        ("!!str [1]", "expected a scalar node"),
        ("<<: [1]", "expected a mapping"),
        ("&a [*a]", "an alias stands within what it stands for"),
        ("&a {<<: *a}", "an alias stands within what it stands for"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        (LAUGHS, f"more than {MAX_VALUES:,} values, with those of aliases"),
        (MERGED, f"more than {MAX_VALUES:,} values, with those of aliases"),
        ("[" * 5000, f"nested more than {MAX_DEPTH} deep"),
        ("{a: " * 5000, f"nested more than {MAX_DEPTH} deep"),
        ("\n".join(" " * i + "a:" for i in range(500)), f"nested more than {MAX_DEPTH} deep"),
        (f"[{'1, ' * 20_000}]", f"more than {MAX_VALUES:,} values"),
        ("x" * (MAX_CHARACTERS + 1), "found 200,001 characters; expected up to"),
        ("a: \0", "not valid YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read_yaml(text, "x")
    assert "\n" not in str(caught.value)
