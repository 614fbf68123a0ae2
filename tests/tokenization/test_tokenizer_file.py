"""Tokenizer files are refused by file and key before the library reads them."""

import json

import pytest

from finkd.corpora.errors import ConfigError, DataError
from finkd.tokenization import tokenizer_file
from finkd.tokenization.tokenizer import Tokenizer, encodings
from finkd.tokenization.tokenizer_file import max_length
from tests.toys import FAMILIES, roberta, unigram, wordpiece_uncased


@pytest.fixture
def folder(tmp_path):
    wordpiece_uncased().save(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def change(path, edit):
    entries = json.loads(path.read_text())
    edit(entries)
    path.write_text(json.dumps(entries))


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda e: e["model"]["vocab"].update(new=4_000_000_000), 'model.vocab: "new" has id 4000000000; expected'),
        (lambda e: e["model"]["vocab"].update(new=-1), 'model.vocab: "new" has id -1; expected'),
        (lambda e: e["model"]["vocab"].update(new=7), 'model.vocab: ".*" and "new" have one id, 7'),
        (lambda e: e["model"].update(vocab={}), "model.vocab: found no tokens"),
        (lambda e: e["model"].update(vocab=5), "model.vocab: found 5; expected up to"),
        (lambda e: e.update(model=None), "model: found null; expected a JSON object"),
        (
            lambda e: e["added_tokens"][0].update(id=4_000_000_000),
            "added_tokens: found .*; expected a content and",
        ),
        (lambda e: e["added_tokens"][0].update(id=77), r'added_tokens: ".*" has id 77, but would be read as \d'),
        (
            lambda e: e["added_tokens"].append({**e["added_tokens"][0], "content": "new", "id": 9000}),
            r'added_tokens: "new" has id 9000, but would be read as 2\d\d',
        ),
        (lambda e: e["model"].update(max_input_chars_per_word=10**12), "max_input_chars_per_word: found 1000000000000"),
        (
            lambda e: e["model"].update(dropout=0.5),
            "model.dropout: found 0.5, which gives a text other tokens each time",
        ),
        (
            lambda e: e["model"].update(end_of_word_suffix="</w>"),
            'model.end_of_word_suffix: found "</w>"; expected null',
        ),
        (lambda e: e["model"].update(unk_token="[NO]"), r"cannot tokenize texts \(WordPiece error: Missing \[UNK\]"),
        (
            lambda e: e["post_processor"]["special_tokens"]["[CLS]"].update(ids=[4_000_000_000]),
            r'post_processor: "\[CLS\]" has id 4000000000; the vocabulary has 2',
        ),
        (
            lambda e: e["post_processor"].update(single=[]),
            "post_processor.single: holds the text 0 times",
        ),
        (
            lambda e: e["post_processor"].update(
                single=e["post_processor"]["single"][:1] * 50 + e["post_processor"]["single"]
            ),
            "post_processor: puts 52 tokens around a text; expected 16 at most",
        ),
        (
            lambda e: e.update(pre_tokenizer=split("(a+)+$")),
            r'pre_tokenizer: the pattern "\(a\+\)\+\$" repeats a',
        ),
        (
            lambda e: e.update(pre_tokenizer={"type": "Sequence", "pretokenizers": [split("(a|a)*b")]}),
            "pre_tokenizer: the pattern .* repeats a group",
        ),
        (lambda e: e.update(pre_tokenizer=split("(a")), r"not a readable tokenizer \(Oniguruma error"),
        (
            lambda e: e.update(
                normalizer={
                    "type": "Sequence",
                    "normalizers": [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 40,
                }
            ),
            "normalizer: makes a text 1,099,511,627,776 times longer; expected 1024 at most",
        ),
        (
            lambda e: e.update(normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}] * 100}),
            "normalizer: found 101 steps; expected 64 at most",
        ),
    ],
)
def test_what_the_library_does_not_check_is_refused(edit, expected, folder):
    change(folder / "tokenizer.json", edit)
    with pytest.raises(ConfigError, match=expected) as caught:
        Tokenizer.load(folder)
    assert str(caught.value).startswith(f"{folder / 'tokenizer.json'}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_large_file_is_refused_by_its_size(folder, monkeypatch):
    monkeypatch.setattr(tokenizer_file, "MAX_BYTES", 1000)
    with pytest.raises(ConfigError, match=r"json: not a readable tokenizer: found [\d,]+ bytes; expected 1,000"):
        Tokenizer.load(folder)


def test_special_tokens_of_bert_s_kind_are_those_of_the_vocabulary(tmp_path):
    roberta().save(tmp_path / "tokenizer")
    change(tmp_path / "tokenizer" / "tokenizer.json", lambda e: e["post_processor"].update(sep=["</s>", 9]))
    with pytest.raises(ConfigError, match='post_processor: "</s>" has id 9; the vocabulary has 2'):
        Tokenizer.load(tmp_path / "tokenizer")


def test_truncation_and_padding_of_any_size_are_switched_off(folder):
    def edit(entries):
        entries["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
        entries["padding"] = {
            **{"strategy": {"Fixed": 10**12}, "direction": "Right", "pad_to_multiple_of": 0},
            **{"pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        }

    change(folder / "tokenizer.json", edit)
    texts = ["Goldman Sachs lent money to Acme."]
    assert Tokenizer.load(folder).encode(texts).ids.tolist() == wordpiece_uncased().encode(texts).ids.tolist()


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize("value", [5, ["[PAD]"], {"content": 5}, True])
def test_special_tokens_are_texts(value, name, folder):
    (folder / name).write_text(json.dumps({"pad_token": value}))
    with pytest.raises(ConfigError, match=rf"{name}: pad_token: found .*; expected a token"):
        Tokenizer.load(folder)


def test_a_token_may_be_written_with_its_flags(folder):
    change(folder / "tokenizer_config.json", lambda e: e.update(pad_token={"content": "[PAD]", "lstrip": False}))
    assert Tokenizer.load(folder).specials["pad"] == "[PAD]"


@pytest.mark.parametrize("value", [-5, 0, 1, 2, 3, "512", None, 1.5, True])
def test_a_length_that_holds_no_text_is_refused(value, folder):
    change(folder / "tokenizer_config.json", lambda e: e.update(model_max_length=value))
    with pytest.raises(ConfigError, match=r"model_max_length: found .*; expected a whole number from 4 on"):
        max_length(folder, 4)


def test_a_panic_of_the_library_is_an_error_of_ours(monkeypatch):
    """What the library raises when it gives up is no ``Exception``."""
    panic = type("PanicException", (BaseException,), {})

    class Backend:
        def encode_batch(self, *_, **__):
            raise panic("retry-limit-in-match over\nmore")

    with pytest.raises(DataError, match=r"^tokenizer toy: cannot tokenize a text \(retry-limit-in-match over\)$"):
        encodings(Backend(), ["a"], "toy")


def test_an_interruption_is_not_taken_for_a_panic():
    class Backend:
        def encode_batch(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encodings(Backend(), ["a"], "toy")


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_tokenizers_are_written_as_equal_bytes(family, tmp_path):
    made = FAMILIES[family]()
    other = Tokenizer(made.backend, dict(reversed(made.specials.items())), made.name)
    for name, tokenizer in (("made", made), ("other", other)):
        tokenizer.save(tmp_path / name)
    Tokenizer.load(tmp_path / "made").save(tmp_path / "loaded")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert len({(tmp_path / name / file).read_bytes() for name in ("made", "other", "loaded")}) == 1


def test_ids_of_tokens_with_scores_are_bounded_too(tmp_path, monkeypatch):
    unigram().save(tmp_path / "tokenizer")
    monkeypatch.setattr(tokenizer_file, "MAX_IDS", 100)
    with pytest.raises(ConfigError, match=r"model\.vocab: found .*; expected up to 100 tokens"):
        Tokenizer.load(tmp_path / "tokenizer")
