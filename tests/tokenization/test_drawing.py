"""The picture of an alignment."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from finkd.tokenization.alignment import align
from finkd.tokenization.drawing import as_dict, draw
from tests.toys import FAMILIES, handmade

TEACHER = handmade("teacher", "acme", "lent", "wide", "##ned", lowercase=True)
STUDENT = handmade("student", "ac", "##me", "lent", "wi", "##dened", lowercase=True)


def picture(text, teacher, student, width=100, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(draw(align(teacher.encode([text]), student.encode([text])), teacher, student, text, width))
    return console.file.getvalue()


def rows(drawn, label):
    return " ".join(line.removeprefix(label).strip() for line in drawn.splitlines() if line.startswith(label)).split()


def test_blocks_stand_under_each_other():
    lines = picture("Acme lent widened", TEACHER, STUDENT).splitlines()
    assert lines[0].split()[:3] == ["teacher", "[CLS]", "acme"]
    assert lines[2].split()[:3] == ["student", "[CLS]", "ac│##me"]
    assert lines[0].index("acme") == lines[1].index("Acme") == lines[2].index("ac│##me")
    assert lines[-1] == "coverage 100.0% of the student's characters"


@settings(max_examples=60)
@given(
    st.text(
        st.one_of(st.sampled_from("ab 5€🏦é\x1b\u202e\t\u200b\u0301"), st.characters(exclude_categories=["Cs"])),
        max_size=30,
    ),
    st.sampled_from(sorted(FAMILIES)),
    st.sampled_from(sorted(FAMILIES)),
)
def test_every_token_and_character_is_shown_and_no_control_reaches_the_terminal(text, first, second):
    teacher, student = FAMILIES[first](), FAMILIES[second]()
    drawn = picture(text, teacher, student, width=10_000)
    assert all(character.isprintable() for character in drawn.replace("\n", ""))
    for tokenizer, label in ((teacher, "teacher"), (student, "student")):
        tokens = tokenizer.encode([text])
        shown = "".join(rows(drawn, label)).replace("│", "")
        assert all(tokenizer.vocabulary[index] in shown for index in tokens.ids.tolist())
    shown = "".join(rows(drawn, "text"))
    assert all(character in shown for character in text if character.isprintable() and not character.isspace())


@pytest.mark.parametrize("width", [30, 50, 80])
def test_blocks_wrap_at_the_width(width):
    text = "Goldman Sachs lent $25 million to Acme Corp. under the credit agreement."
    teacher, student = FAMILIES["bpe"](), FAMILIES["wordpiece_uncased"]()
    drawn = picture(text, teacher, student, width)
    assert max(map(cell_len, drawn.splitlines())) <= width
    assert drawn.count("teacher") > 1
    assert rows(drawn, "text") == rows(picture(text, teacher, student, 1000), "text")


def test_neighbouring_chunks_differ_in_colour_and_uncovered_text_is_red():
    tokenizer, other = FAMILIES["wordpiece_uncased"](), FAMILIES["bpe"]()
    drawn = picture("the bank \u200b", tokenizer, other, force_terminal=True, color_system="standard")
    assert "\x1b[30;46m" in drawn
    assert "\x1b[30;43m" in drawn
    assert "\x1b[37;41m" in drawn


def test_plain_data():
    data = as_dict(align(TEACHER.encode(["Acme"]), STUDENT.encode(["Acme"])), TEACHER, STUDENT, "Acme")
    assert json.loads(json.dumps(data)) == data
    assert (data["text"], data["coverage"]) == ("Acme", 1.0)
    assert [token["token"] for token in data["student"]["tokens"]] == ["[CLS]", "ac", "##me", "[SEP]"]
    assert [token["chunk"] for token in data["student"]["tokens"]] == [0, 1, 1, 2]
    assert data["pairs"] == [[0, 0, 1], [1, 1, 2], [1, 2, 2], [2, 3, 1]]


def test_several_texts_are_refused():
    tokenizer = FAMILIES["bpe"]()
    tokens = tokenizer.encode(["a", "b"])
    for show in (draw, as_dict):
        with pytest.raises(ValueError, match="2 texts"):
            show(align(tokens, tokens), tokenizer, tokenizer, "a")
