"""A tagger in a spaCy pipeline: its entities in ``doc.ents``, in a package that pip installs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.segmentation import sentences_of_words, word_spans
from finkd.export.loading import load_tagger
from finkd.export.onnx_export import export_onnx
from finkd.export.spacy import export_spacy
from finkd.inference.tagging import predict, tag_sentences
from finkd.models.lookup import FACTORY, tagger_folder
from finkd.teachers.spacy_pipeline import entity_types
from tests.finkd.toys import LABELS, SENTENCES, TYPES, tiny_model

pytestmark = pytest.mark.slow

TEXTS = [sentence.text for sentence in SENTENCES]


@pytest.fixture(scope="module")
def taggers(tmp_path_factory):
    """A tagger that finds something, and its folders: as it is, and as a graph."""
    model = tiny_model(labels=LABELS, seed=5)
    folder = tmp_path_factory.mktemp("taggers")
    (folder / "torch").mkdir()
    model.save(folder / "torch")
    export_onnx(model, folder / "onnx")
    assert any(each.mentions for each in predict(TEXTS, model))
    return model, {name: folder / name for name in ("torch", "onnx")}


@pytest.fixture(scope="module")
def pipeline(taggers):
    _, folders = taggers
    nlp = spacy.blank("en")
    nlp.add_pipe(FACTORY).from_disk(folders["torch"])
    return nlp


def test_its_types_are_told(pipeline):
    assert entity_types(pipeline) == sorted(TYPES)


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_entities_stand_in_the_document(taggers, kind, tmp_path):
    model, folders = taggers
    nlp = spacy.blank("en")
    nlp.add_pipe(FACTORY).from_disk(folders[kind])
    nlp.to_disk(tmp_path / "pipeline")
    nlp = spacy.load(tmp_path / "pipeline")
    for doc, each in zip(nlp.pipe(TEXTS), predict(TEXTS, model), strict=True):
        for mention in each.mentions:
            within = [entity for entity in doc.ents if entity.start_char <= mention.start < entity.end_char]
            assert within, mention
            assert within[0].label_ == mention.label
        assert [entity.text for entity in doc.ents] == [entity.text for entity in nlp(doc.text).ents]


def test_entities_of_a_lower_score_are_left_out(pipeline, tmp_path):
    scores = sorted({entity._.score for doc in pipeline.pipe(TEXTS) for entity in doc.ents})
    least = scores[len(scores) // 2]
    pipeline.to_disk(tmp_path / "pipeline")
    sure = spacy.load(tmp_path / "pipeline", config={"components": {FACTORY: {"min_score": least}}})
    kind, given = sure.get_pipe(FACTORY).__reduce__()
    again = kind(*given)
    for doc in pipeline.pipe(TEXTS):
        expected = [(entity.text, entity._.score) for entity in doc.ents if entity._.score >= least]
        assert [(entity.text, entity._.score) for entity in sure(doc.text).ents] == expected
        assert [(entity.text, entity._.score) for entity in again(sure.make_doc(doc.text)).ents] == expected
    with pytest.raises(ConfigError, match="min_score: expected a number from 0 to 1"):
        spacy.blank("en").add_pipe(FACTORY, config={"min_score": 80})


def test_another_process_receives_the_folder(pipeline):
    list(pipeline.pipe(TEXTS))
    kind, given = pipeline.get_pipe(FACTORY).__reduce__()  # a forked process may wait for ever for PyTorch's threads
    again = kind(*given)
    for text in TEXTS:
        assert [e.text for e in again(pipeline.make_doc(text)).ents] == [e.text for e in pipeline(text).ents]


def test_pip_installs_it(pipeline, taggers, tmp_path):
    _, folders = taggers
    package = export_spacy(folders["torch"], tmp_path / "package", "toy_ner", "1.2")
    site = tmp_path / "site"
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", site)
    subprocess.run([sys.executable, *map(str, pip), str(package)], check=True, timeout=120)
    code = (
        "import en_toy_ner, sys\n"
        "nlp = en_toy_ner.load()\n"
        "print(nlp.meta['version'], '|'.join(ent.label_ for ent in nlp(sys.argv[1]).ents))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, TEXTS[0]],
        env={"PYTHONPATH": f"{site}:.", "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "1.2 " + "|".join(entity.label_ for entity in pipeline(TEXTS[0]).ents)


def test_the_tagger_is_found_in_an_installed_package(taggers, tmp_path, monkeypatch):
    model, folders = taggers
    package = export_spacy(folders["torch"], tmp_path / "package", "toy_found")
    monkeypatch.syspath_prepend(package)
    assert tagger_folder("en_toy_found") == package / "en_toy_found" / "en_toy_found-0.1.0" / FACTORY
    assert list(predict(TEXTS, load_tagger("en_toy_found"))) == list(predict(TEXTS, model))
    assert "en_toy_found" not in sys.modules


def test_a_package_is_packed_again_without_its_wrapping(taggers, tmp_path):
    model, folders = taggers
    first = export_spacy(folders["onnx"], tmp_path / "first", "toy")
    second = export_spacy(first, tmp_path / "second", "other")
    names = [{each.name for each in tagger_folder(folder).iterdir()} for folder in (first, second)]
    assert names[0] == names[1]
    assert list(predict(TEXTS, load_tagger(second))) == list(predict(TEXTS, model))


def test_what_lies_beside_a_tagger_is_not_packed(taggers, tmp_path):
    _, folders = taggers
    trained = Path(shutil.copytree(folders["torch"], tmp_path / "trained"))
    (trained / "train.conll").write_text("secret")
    (trained / "checkpoint-500").mkdir()
    (trained / "checkpoint-500" / "optimizer.pt").write_bytes(b"0")
    packed = tagger_folder(export_spacy(trained, tmp_path / "package", "toy"))
    assert {each.name for each in packed.iterdir()} == {each.name for each in folders["torch"].iterdir()}


def test_a_pipeline_is_saved_in_its_own_folder_and_survives_chdir(pipeline, tmp_path, monkeypatch):
    pipeline.to_disk(tmp_path / "pipeline")
    monkeypatch.chdir(tmp_path)
    nlp = spacy.load("pipeline")
    nlp.add_pipe("sentencizer")
    nlp.to_disk("pipeline")
    monkeypatch.chdir("/")
    assert [entity.text for entity in nlp(TEXTS[0]).ents] == [entity.text for entity in pipeline(TEXTS[0]).ents]
    assert spacy.load(tmp_path / "pipeline").pipe_names == [FACTORY, "sentencizer"]


def test_other_folders_are_left_as_they_are(taggers, tmp_path):
    _, folders = taggers
    for source in (folders["torch"], folders["onnx"], tmp_path, "en_absent", "some/model"):
        assert tagger_folder(source) == Path(source)
    export_spacy(folders["onnx"], tmp_path / "one", "toy")
    export_spacy(folders["onnx"], tmp_path / "two", "toy")
    shutil.copytree(tmp_path / "two" / "en_toy", tmp_path / "one" / "en_other")
    with pytest.raises(ConfigError, match="holds several taggers"):
        load_tagger(tmp_path / "one")


def test_what_cannot_be_packed_is_refused(taggers, tmp_path):
    _, folders = taggers
    for name, version in (("Toy", "1.0"), ("toy-ner", "1.0"), ("toy", "new")):
        with pytest.raises(ConfigError, match="expected a name such as news_ner"):
            export_spacy(folders["torch"], tmp_path / "x", name, version)
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    tiny_model().save(encoder)
    with pytest.raises(ConfigError, match="has no head that tags entities"):
        export_spacy(encoder, tmp_path / "x", "toy")
    with pytest.raises(ConfigError, match="has no tagger yet"):
        spacy.blank("en").add_pipe(FACTORY)(spacy.blank("en")("Acme"))
    assert not (tmp_path / "x").exists()


def test_the_pipeline_names_the_types_that_it_finds(pipeline, taggers, tmp_path):
    _, folders = taggers
    assert spacy.blank("en").add_pipe(FACTORY).labels == ()
    assert pipeline.get_pipe(FACTORY).labels == TYPES
    assert pipeline.meta["labels"] == {FACTORY: list(TYPES)}
    package = export_spacy(folders["onnx"], tmp_path / "package", "toy_labels")
    installed = package / "en_toy_labels" / "en_toy_labels-0.1.0"
    assert spacy.load(installed).pipe_labels == {FACTORY: list(TYPES)}
    assert read_json(installed / "meta.json")["labels"] == {FACTORY: list(TYPES)}


SIGNS = st.sampled_from("aA1 .\n\t\u00a0\u200b\u3000-$€,'\"é中🚀!?") | st.characters(exclude_categories=["Cs"])
ODD = st.text(SIGNS, max_size=60)
RUNS = st.builds("{1}{0}".format, st.sampled_from(TEXTS), st.text("ab.", min_size=150, max_size=250))


@settings(max_examples=60, deadline=None)
@given(st.lists(ODD | RUNS | st.sampled_from(TEXTS), min_size=1, max_size=4).map(" ".join))
def test_it_finds_what_finkd_finds_in_the_same_words(pipeline, taggers, text):
    model, _ = taggers
    doc = pipeline(text)
    found = [(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents]
    words = [(token.idx, token.idx + len(token)) for token in doc if not token.is_space]
    if words == word_spans(text):
        (expected,) = predict([text], model)
        assert found == [(each.start, each.end, each.label) for each in expected.mentions]
        assert [entity._.score for entity in doc.ents] == [each.score for each in expected.mentions]
    else:  # finkd cuts runs of more than 200 characters
        assert max(map(len, text.split())) > 200
        borders = {border for word in words for border in word}
        assert all(start in borders and end in borders for start, end, _ in found)


def test_a_word_of_3000_letters_is_one_word(pipeline, taggers):
    model, _ = taggers
    text = f"{'a' * 3000} {TEXTS[0]}"
    doc = pipeline(text)
    sentences = sentences_of_words([token.text for token in doc], [bool(token.whitespace_) for token in doc])
    assert sentences[0].words[0] == "a" * 3000
    (expected,) = tag_sentences([(text, sentences)], model)
    assert [(each.start_char, each.end_char, each.label_) for each in doc.ents] == [
        (each.start, each.end, each.label) for each in expected.mentions
    ]
    assert doc.ents
