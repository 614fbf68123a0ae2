"""Model cards, read as Hugging Face reads them."""

import dataclasses

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.pages.card import card
from finkd.reports.table import plain
from finkd.scores import Counts
from tests.reports.examples import example_records, record
from tests.reports.hostile import HOSTILE


def student(**changes):
    found = next(each for each in example_records() if each.system == "domain-vocabulary")
    return dataclasses.replace(found, **changes)


def test_scores_stand_in_the_model_index():
    read = ModelCard(card(student(corpus="finer-ord")))
    assert read.data.pipeline_tag == "token-classification"
    results = {each.metric_type: each for each in read.data.eval_results}
    assert results["f1"].metric_value == pytest.approx(0.82)
    assert results["f1"].dataset_split == "test"
    assert results["macro-f1"].metric_value == pytest.approx((68 / 80 + 14 / 20) / 2)


def test_the_base_model_is_what_the_system_began_with():
    config = {"teacher": "small/model", "systems": {"domain-vocabulary": {"strategy": "finetune"}}}
    assert ModelCard(card(student(config=config))).data.base_model == "small/model"
    config["systems"]["domain-vocabulary"]["start"] = "big/model"
    assert ModelCard(card(student(config=config))).data.base_model == "big/model"


def test_a_score_of_nothing_is_a_dash_and_none_in_the_model_index():
    text = card(record("s", "student", 1, org=(0, 0, 0), per=(0, 2, 0)))
    assert "| ORG | – | – | – | 0 |" in text
    assert "| PER | 0.000 | – | 0.000 | 0 |" in text
    metrics = {each.metric_type: each.metric_value for each in ModelCard(text).data.eval_results}
    assert metrics == {"precision": 0, "f1": 0}


def test_a_reader_finds_scores_stages_sizes_and_licence():
    text = card(student(corpus="finer-ord"))
    assert "| ORG | 0.850 | 0.850 | 0.850 | 80 |" in text
    assert "| all | 0.820 | 0.820 | 0.820 | 100 |" in text
    assert "| replace-vocabulary | 61 | 100,000 |" in text
    assert "| Parameters | 6,800,000 |" in text
    assert "Labels: finer-ord (CC BY-NC 4.0)." in text
    assert SAMPLE_NOTICE not in text
    assert SAMPLE_NOTICE in card(student(sample=True))


def test_a_model_that_is_given_case_is_for_finkd():
    plain_card = card(student())
    assert "from transformers import pipeline" in plain_card
    assert ModelCard(plain_card).data.library_name == "transformers"
    cased = card(student(lineage=record("x", "student", 1, stages=["embed-case", "finetune"]).lineage))
    assert "import pipeline" not in cased
    assert "finkd predict ." in cased
    assert ModelCard(cased).data.library_name == "finkd"


def test_what_a_strategy_goes_back_to_is_cited():
    systems = {"systems": {"domain-vocabulary": {"strategy": "adalm"}}, "teacher": "some/teacher"}
    text = card(student(config=systems))
    assert "After: Yunzhi Yao" in text
    assert "base_model: some/teacher" in text
    assert "After:" not in card(student())


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 13))
def test_hostile_names_stay_text(start):
    for text in HOSTILE[start : start + 13]:
        scores = dataclasses.replace(student().scores, per_type={text: Counts(1, 2, 3)})
        fields = {"corpus": text, "split": text, "environment": {text: text}, "corpora": {text: text}}
        found = record(f"{text}.", "student", 1, stages=(text,), config={"teacher": text, "systems": {}}, **fields)
        made = card(dataclasses.replace(found, scores=scores))
        _, head, body = made.split("---\n", 2)
        read = yaml.safe_load(head)
        assert read["model-index"][0]["name"] == plain(f"{text}.")
        assert read["base_model"] == plain(text)
        html = MarkdownIt("commonmark").enable("table").render(body)
        assert "<script" not in html
        assert "<img" not in html
