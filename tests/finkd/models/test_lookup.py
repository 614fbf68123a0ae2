import pytest

from finkd.corpora.errors import DataError, UnavailableError
from finkd.models.loading import load_model
from finkd.models.lookup import check_weights, models_below
from finkd.models.pretrained import resolve
from tests.finkd.toys import tiny_model


def model(folder, weights="model.safetensors"):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / weights).touch()
    return folder


def test_models_below_a_folder_are_named(tmp_path):
    run = tmp_path / "runs" / "quickstart"
    wanted = [model(run / "models" / "one"), model(run / "models" / "two", "model.onnx")]
    (model(tmp_path / "runs" / "store" / "0123") / "manifest.json").touch()  # a stage's result is nobody's model
    model(tmp_path / "runs" / ".hidden")
    for folder in (tmp_path, tmp_path / "runs", run, run / "models"):
        assert list(models_below(folder)) == wanted
        with pytest.raises(UnavailableError, match=f"2 models lie below it, such as {wanted[0]}") as caught:
            resolve(str(folder))
        assert caught.value.instead == tuple(map(str, wanted))
        assert caught.value.given == str(folder)


def test_not_all_of_many_models_are_named(tmp_path):
    for number in range(12):
        model(tmp_path / f"model-{number:02}")
    with pytest.raises(UnavailableError, match="more than 10 models lie below it") as caught:
        resolve(str(tmp_path))
    assert len(caught.value.instead) == 10


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("model.onnx", "is an ONNX graph, which is only run"),
        ("vocab.txt", r"has a config\.json but no model\.safetensors"),
    ],
)
def test_a_model_without_weights_says_what_is_there(weights, expected, tmp_path):
    tiny_model().save(tmp_path)
    check_weights(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / weights)
    with pytest.raises(DataError, match=expected):
        load_model(tmp_path)


def test_a_model_without_a_tokenizer_says_so(tmp_path):
    tiny_model().save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        load_model(tmp_path)
