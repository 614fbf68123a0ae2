"""What every vocabulary algorithm promises; a new registry entry is tested without writing a test."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers import algorithms
from finkd.tokenization.trainers.algorithm import SPECIALS
from finkd.tokenization.vocabulary import train
from tests.toys import TEXTS, trained

ROOM = {"wordpiece": 200, "bpe": 350, "unigram": 150, "sentencepiece": 420}
"""Sizes that the toy text fills."""

SCRIPT = """
import hashlib, json, random, sys
from tests.toys import TEXTS
from finkd.tokenization.trainers import algorithms
from finkd.tokenization.vocabulary import train
texts = list(TEXTS) * 3
random.shuffle(texts)
room = json.loads(sys.argv[1])
trained = {name: train(texts, name, room.get(name, 500)).backend.to_str() for name in algorithms}
print(json.dumps({name: hashlib.sha256(text.encode()).hexdigest() for name, text in trained.items()}))
"""


@pytest.fixture(scope="module")
def fresh_processes() -> list[dict[str, str]]:
    """Hash of every algorithm's file from two processes that differ in threads, hash seed and order of the texts."""
    hashes = []
    for threads in ("1", "3"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        command = [sys.executable, "-c", SCRIPT, json.dumps(ROOM)]
        root = Path(__file__).parents[2]
        done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
        hashes.append(json.loads(done.stdout))
    return hashes


@pytest.mark.parametrize("name", algorithms)
def test_the_same_words_give_the_same_bytes_in_every_process(name, fresh_processes):
    here = train(TEXTS * 3, name, ROOM.get(name, 500)).backend.to_str()
    assert {hashes[name] for hashes in fresh_processes} == {hashlib.sha256(here.encode()).hexdigest()}


@pytest.mark.parametrize("name", algorithms)
def test_size_special_tokens_and_frame(name):
    tokenizer = trained(name, True, ROOM.get(name, 500))
    assert len(tokenizer) == tokenizer.backend.get_vocab_size() == ROOM.get(name, len(tokenizer))
    assert tokenizer.vocabulary[:5] == tuple(SPECIALS.values())
    assert len(set(tokenizer.vocabulary)) == len(tokenizer)
    pair = tokenizer.backend.encode("the bank", "acme")
    assert [pair.tokens[0], pair.tokens[-1], pair.tokens.count("[SEP]")] == ["[CLS]", "[SEP]", 2]
    assert set(pair.type_ids) == {0, 1}


@pytest.mark.parametrize("name", algorithms)
@pytest.mark.parametrize("lowercase", [True, False])
def test_case(name, lowercase):
    tokenizer = trained(name, lowercase, ROOM.get(name, 500) + 40)
    assert tokenizer.lowercases is lowercase
    assert any(token != token.lower() for token in tokenizer.vocabulary[5:]) is (not lowercase or name in BYTES)


BYTES = {"bpe", "sentencepiece"}
"""Algorithms whose spelling of a byte may hold capitals."""


@pytest.mark.parametrize("name", algorithms)
def test_transformers_loads_it_and_cuts_alike(name, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = trained(name, True, ROOM.get(name, 500))
    tokenizer.save(tmp_path / "vocabulary")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "vocabulary")
    texts = ["Goldman Sachs lent $25 million.", "naïve  €3,000\n🏦 x", "", "[MASK] of Acme"]
    for text in texts:
        ours, other = tokenizer.backend.encode(text), theirs(text, return_offsets_mapping=True)
        assert (ours.ids, ours.offsets) == (other["input_ids"], [tuple(span) for span in other["offset_mapping"]])
    roles = {role: getattr(theirs, f"{role}_token_id") for role in SPECIALS}
    assert roles == tokenizer.special_ids
    assert Tokenizer.load(tmp_path / "vocabulary").fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("name", algorithms)
def test_plain_text_is_never_unknown(name):
    tokenizer = trained(name, True, ROOM.get(name, 500))
    printable = " ".join(map(chr, range(33, 127)))
    assert tokenizer.special_ids["unk"] not in tokenizer.encode([printable]).ids


@pytest.mark.parametrize("name", algorithms)
@pytest.mark.parametrize("texts", [[], ["", " \n\t"]])
def test_no_word_is_refused(name, texts):
    with pytest.raises(ConfigError, match=r"^vocabulary\.texts: no word"):
        train(texts, name, 500)


@pytest.mark.parametrize("name", algorithms)
def test_the_smallest_size_that_is_asked_for_works_and_one_less_does_not(name):
    with pytest.raises(ConfigError, match=r"^vocabulary\.size: 5 is too small .* at least (\d+)") as refusal:
        train(TEXTS, name, 5)
    least = int(str(refusal.value).partition("at least ")[2].partition(",")[0])
    assert len(train(TEXTS, name, least)) == least
    with pytest.raises(ConfigError, match=f"{least - 1} is too small"):
        train(TEXTS, name, least - 1)


@pytest.mark.parametrize("name", algorithms)
def test_a_poor_text_gives_fewer_entries_and_a_warning(name, caplog):
    tokenizer = train(["a bank"], name, 5000)
    assert len(tokenizer) < 5000
    assert f"the text gives {len(tokenizer)} of the 5000 entries" in caplog.text


@pytest.mark.parametrize("name", algorithms)
def test_hostile_words_do_no_harm(name):
    hostile = ["a\0b \x1f \x85 ▅ ▁ ▁▁x [SEP] [MASK]y </s> <0x41> ##z Ġ", "x" * 3000, "é" * 5000, "שלום e\u0301 \u200b"]
    tokenizer = train(iter(hostile * 2), name, 500)
    tokens = tokenizer.encode(hostile)
    assert len(tokens) == 4
    assert tokens.ids.max() < len(tokenizer) <= 500
