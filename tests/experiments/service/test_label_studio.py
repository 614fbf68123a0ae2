"""Label Studio's requests: what is suggested, and what is told when an interface does not fit."""

import pytest

from finkd.experiments.service.limits import Limits
from finkd.inference.tagging import predict
from tests.finkd.toys import SENTENCES

pytestmark = pytest.mark.slow

TEXTS = [sentence.text for sentence in SENTENCES]
LIMITS = Limits(texts=8)
INTERFACE = """
<View>
  <Labels name="label" toName="text"><Label value="ORG"/><Label value="Place"/></Labels>
  <Text name="text" value="$body"/>
</View>
"""


def ask(client, call, **sent):
    return client.post(f"/label-studio/{call}", json=sent)


def test_suggestions_are_the_entities_that_the_interface_has_labels_for(client, tagger):
    tasks = [{"id": number, "data": {"body": text}, "annotations": []} for number, text in enumerate(TEXTS)]
    answer = ask(client, "predict", tasks=tasks, label_config=INTERFACE, project="1.2", params={"context": None})
    assert answer.status_code == 200
    results = answer.json()["results"]
    for found, tagged in zip(results, predict(TEXTS, tagger), strict=True):
        mentions = [each for each in tagged.mentions if each.label == "ORG"]
        assert found["model_version"] == "toy"
        assert found["score"] == min((each.score for each in mentions), default=1)
        assert found["result"] == [
            {
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
                "score": each.score,
                "value": {"start": each.start, "end": each.end, "text": each.text, "labels": ["ORG"]},
            }
            for each in mentions
        ]
    assert any(found["result"] for found in results)


def test_a_backend_is_set_up_if_it_knows_a_label(client):
    sent = {"project": "1.2", "schema": INTERFACE, "hostname": "http://localhost:8080", "access_token": "secret"}
    assert ask(client, "setup", **sent).json() == {"model_version": "toy"}
    assert client.get("/label-studio/health").json() == {"status": "UP", "model_class": "toy"}
    assert ask(client, "webhook", action="ANNOTATION_CREATED").status_code == 201


@pytest.mark.parametrize(
    ("interface", "said"),
    [
        ("", "not XML"),
        ("<View/>", "found 0 tags Labels of a Text"),
        (INTERFACE.replace("<View>", '<!DOCTYPE a [<!ENTITY b "c">]><View>'), "without DOCTYPE"),
        (INTERFACE.replace('toName="text"', 'toName="image"'), "found 0 tags Labels of a Text"),
        (INTERFACE.replace(' toName="text"', ""), "found 0 tags Labels of a Text"),
        ('<View><Text value="$t"/><Labels name="l"><Label value="ORG"/></Labels></View>', "found 0 tags Labels"),
        (INTERFACE.replace("ORG", "Company"), "none of its labels Company, Place is an entity type of toy (ORG, PER)"),
    ],
)
def test_an_interface_that_does_not_fit_is_told_in_one_line(client, interface, said):
    for answer in (
        ask(client, "setup", schema=interface),
        ask(client, "predict", tasks=[{"data": {"body": "Acme"}}], label_config=interface),
    ):
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
        assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("tasks", "status", "said"),
    [
        ([], 422, "tasks:"),
        ([{"data": {"text": "Acme"}}], 422, "tasks.0.data.body: expected a text"),
        ([{"data": {"body": "Acme"}}, {"data": {"body": 1}}], 422, "tasks.1.data.body: expected a text"),
        ([{"id": 1}], 422, "tasks.0.data:"),
        ([{"data": {"body": "Acme"}}] * 9, 413, "at most 8 at once"),
    ],
)
def test_tasks_without_texts_are_refused(client, tasks, status, said):
    answer = ask(client, "predict", tasks=tasks, label_config=INTERFACE)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
