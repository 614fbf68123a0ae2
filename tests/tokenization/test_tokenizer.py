"""The tokenizer folder, its roles and the spans of its tokens."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Tokenizer
from tests.toys import FAMILIES, assert_same_tokens, handmade

texts = st.lists(
    st.text(st.one_of(st.sampled_from("ab \t\n\u3000\xa0🏦é"), st.characters(exclude_categories=["Cs"]))), max_size=4
)


@settings(max_examples=200)
@given(texts, st.sampled_from(sorted(FAMILIES)))
def test_spans_lie_in_the_text_and_carry_no_white_space(batch, name):
    tokens = FAMILIES[name]().encode(batch)
    assert tokens.lengths.tolist() == [len(text) for text in batch]
    for row, text in enumerate(batch):
        inside = slice(tokens.rows[row], tokens.rows[row + 1])
        assert tokens.opening[inside].tolist().count(True) == tokens.closing[inside].tolist().count(True) == 1
        for start, end in zip(tokens.starts[inside].tolist(), tokens.ends[inside].tolist(), strict=True):
            assert 0 <= start <= end <= len(text)
            assert text[start:end] == text[start:end].strip()


def test_long_runs_of_white_space_are_trimmed():
    tokenizer = FAMILIES["roberta"]()
    text = " " * 300 + "Acme" + "\t" * 300
    tokens = tokenizer.encode([text])
    assert "".join(text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)) == "Acme"


@settings(max_examples=60)
@given(texts.filter(bool), st.sampled_from(sorted(FAMILIES)), st.data())
def test_taken_rows_are_what_encoding_them_gives(batch, name, data):
    tokenizer = FAMILIES[name]()
    chosen = data.draw(st.lists(st.integers(0, len(batch) - 1), max_size=6))
    assert_same_tokens(tokenizer.encode(batch).take(chosen), tokenizer.encode([batch[i] for i in chosen]))


def test_roles_are_found_by_usual_names_without_a_configuration(tmp_path):
    FAMILIES["roberta"]().backend.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer.load(tmp_path).specials == FAMILIES["roberta"]().specials


@pytest.mark.parametrize("name", FAMILIES)
def test_case(name):
    assert FAMILIES[name]().lowercases is (name in {"wordpiece_uncased", "bpe", "unigram"})


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no tokenizer\.json"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "{}", json.dumps({"model": {"type": "Nonsense"}})])
def test_a_broken_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ConfigError, match=r"tokenizer\.json: not a readable tokenizer"):
        Tokenizer.load(tmp_path)


def test_a_broken_configuration_is_refused_by_name(tmp_path):
    FAMILIES["bpe"]().save(tmp_path / "saved")
    (tmp_path / "saved" / "tokenizer_config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"tokenizer_config\.json: not valid JSON"):
        Tokenizer.load(tmp_path / "saved")


def test_a_missing_special_token_is_refused():
    backend = FAMILIES["bpe"]().backend
    with pytest.raises(ConfigError, match=r"special token '<nope>' \(cls\)"):
        Tokenizer(backend, {"cls": "<nope>"}, "x")


def test_a_special_token_that_is_declared_later_gives_another_fingerprint(tmp_path):
    folder = tmp_path / "tokenizer"
    handmade("hand", "the", "<gap>").save(folder)
    before = Tokenizer.load(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"mask_token": "<gap>"}))
    after = Tokenizer.load(folder)
    assert "mask" not in before.special_ids
    assert "mask" in after.special_ids
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize("name", FAMILIES)
def test_special_tokens_of_the_usual_names_leave_the_fingerprint_as_it_was(name):
    tokenizer = FAMILIES[name]()
    assert not tokenizer.unusual_specials
    assert tokenizer.fingerprint == sha256(tokenizer.backend.to_str().encode()).hexdigest()[:16]
