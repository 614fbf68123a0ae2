"""What every command says of a folder without a model: one reason, and the same command with what is meant."""

import shlex

import pytest

COMMANDS = {
    "predict": ("predict", "{}", "It's Acme."),
    "serve": ("serve", "{}"),
    "evaluate": ("evaluate", "{}", "--corpus", "{corpus}"),
    "evaluate a suite": ("evaluate", "{}", "--suite", "inference"),
    "evaluate with a teacher": ("evaluate", "{model}", "--suite", "glue", "--task", "rte", "--teacher", "{}"),
    "export": ("export", "{}", "--to", "spacy", "--out", "{out}"),
    "compress": ("compress", "{}", "--method", "tie-layers", "--out", "{out}"),
    "benchmark": ("benchmark", "student={}", "--corpus", "{corpus}", "--out", "{out}"),
    "align": ("align", "text", "--student", "{}", "--teacher", "{model}"),
    "align with a teacher": ("align", "text", "--student", "{model}", "--teacher", "{}"),
    "vocab": ("vocab", "--corpus", "{corpus}", "--grow-from", "{}", "--out", "{out}"),
    "analyze": ("analyze", "--corpus", "{corpus}", "--teacher", "{}"),
    "analyze a tokenizer": ("analyze", "--corpus", "{corpus}", "--teacher", "{model}", "--tokenizer", "{}"),
    "run": ("run", "{config}", "--set", "teacher={}", "--out", "{out}"),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_the_folder_of_a_run_is_no_model_but_holds_some(arguments, finished, config, corpus, finkd, tmp_path):
    models = [finished / "models" / name for name in ("domain-student-seed-1", "teacher-seed-1")]
    places = {"corpus": corpus, "config": config, "model": models[1], "out": tmp_path / "out"}
    given = [part.format(finished, **places) for part in arguments]
    result = finkd(*given, code=1)
    problem, *commands = result.stderr.splitlines()
    assert f"model '{finished}': the folder is no model itself; a model is a folder with config.json" in problem
    assert problem.endswith(f"2 models lie below it, such as {models[0]}")
    meant = [[part.format(model, **places) for part in arguments] for model in models]
    assert commands == [f"finkd:   {shlex.join(['finkd', *each])}" for each in meant]
    assert not (tmp_path / "out").exists()
