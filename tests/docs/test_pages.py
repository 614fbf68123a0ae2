"""What the pages show is what the program understands: commands, configurations, Python, files."""

import ast
import contextlib
import json
import re
import shlex

import pytest
import typer
from jsonschema import Draft202012Validator

import finkd
from finkd.corpora.errors import UnavailableError
from finkd.experiments.cli import app
from finkd.experiments.configuration.experiment import from_settings
from finkd.experiments.configuration.reading import overridden, settings_in
from finkd.experiments.schema import configuration_schema
from finkd.experiments.suites.summarization import SummarySettings
from finkd.settings import build
from finkd.strict_yaml import read_yaml
from finkd.suites.answers import AnswerSettings
from finkd.suites.classifier import TextSettings
from tests.docs.blocks import BLOCKS, PAGES, ROOT, commands_above, commands_within_sentences

CONFIGS = sorted((ROOT / "experiments" / "configs").glob("*.yaml"))
VALIDATOR = Draft202012Validator(configuration_schema())


def blocks(language):
    """Blocks of code in a language; without one, for a shell."""
    return [pytest.param(each.text, id=each.id) for each in BLOCKS if each.language == language]


def read_by_an_editor(text):
    """Settings as YAML 1.2 has them, in which 3e-4 is a number."""

    def numbers(value):
        if isinstance(value, dict):
            return {key: numbers(each) for key, each in value.items()}
        if isinstance(value, list):
            return [numbers(each) for each in value]
        return float(value) if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?e[-+]?\d+", value) else value

    return numbers(read_yaml(text, "page"))


def lines_for_a_shell():
    """Every command of a block, of a sentence or of the head of a configuration; the log has those of its day."""
    lines = [line for block in BLOCKS if not block.language for line in block.commands]
    lines += [line for page in PAGES if page.name != "log.md" for line in commands_within_sentences(page)]
    lines += [line for path in CONFIGS for line in commands_above(path)]
    return [pytest.param(line, id=line[:60]) for line in dict.fromkeys(lines)]


def words_of(line):
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        words.pop(0)
    return words


def commands(group, name=""):
    for each, inner in group.commands.items():
        yield from commands(inner, f"{each} ") if hasattr(inner, "commands") else [(f"{name}{each}", inner)]


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("line", lines_for_a_shell())
def test_lines_for_a_shell_name_what_exists(line):
    program, *words = words_of(line)
    if program == "make":
        assert f"{words[0]}:" in (ROOT / "Makefile").read_text()
    elif program == "python":
        assert words[0].startswith("-") or words[0] == "my_script.py" or (ROOT / words[0]).is_file()
    else:
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        if name.startswith("-") or name.isupper():
            return
        known = {option for each in COMMANDS[name].params for option in (*each.opts, *each.secondary_opts)}
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert given <= known | {"--help"}
        for path in (word for word in words if re.match(r"(experiments|docs)/", word) and "/runs" not in word):
            assert (ROOT / path).exists() or f"--out {path}" in line or f"--check {path}" in line


def of_configurations():
    """Commands that train what a configuration of finkd names."""
    for line in (each.values[0] for each in lines_for_a_shell()):
        program, *words = words_of(line)
        if program == "finkd" and words[0] in ("run", "tune") and words[1:] and (ROOT / words[1]).is_file():
            yield pytest.param(words[0], [str(ROOT / words[1]), *words[2:]], id=line[:60])


@pytest.mark.parametrize(("command", "words"), of_configurations())
def test_a_configuration_has_the_systems_and_settings_that_a_command_names(command, words):
    given = COMMANDS[command].make_context(command, [*words]).params
    path, overrides = words[0], given["overrides"] or ()
    if command == "tune":
        assert finkd.load_plan(path, overrides).search.space
    elif "suites" in settings_in(path):
        with contextlib.suppress(UnavailableError):  # of the hub; it is looked for after everything else is checked
            assert finkd.load_encoder_experiment(path, overrides, only=given["only"] or ()).systems
    else:
        assert from_settings(settings_in(path), overrides, only=given["only"] or ()).systems


def of_suites():
    """Commands that replace settings of a suite of general tasks."""
    for line in (each.values[0] for each in lines_for_a_shell()):
        program, *words = words_of(line)
        if program == "finkd" and {"--suite", "--set"} <= {*words}:
            yield pytest.param(words[1:], id=line[:60])


@pytest.mark.parametrize("words", of_suites())
def test_a_suite_has_the_settings_that_a_command_names(words):
    given = COMMANDS["evaluate"].make_context("evaluate", [*words]).params
    kind = {"summarization": SummarySettings, "squad": AnswerSettings}.get(given["suite"], TextSettings)
    settings = overridden({}, given["overrides"])
    if given["suite"] == "squad":
        settings.pop("data", None)  # of the suite, not of its training
    assert build(kind, settings, "")


@pytest.mark.parametrize("text", blocks("yaml"))
def test_configurations_have_no_unknown_key(text):
    settings = read_by_an_editor(text)
    wrong = [each for each in VALIDATOR.iter_errors(settings) if each.validator != "required"]
    assert not wrong


def test_the_tutorial_runs_what_it_shows():
    (text,) = (each.values[0] for each in blocks("yaml") if each.id.startswith("docs/tutorial.md"))
    experiment = from_settings(read_yaml(text, "tutorial"), find=True)
    assert list(experiment.systems) == ["teacher", "fine-tuned only", "distilled"]
    page = (ROOT / "docs" / "tutorial.md").read_text()
    assert {name for name in re.findall(r"runs/mine/models/([a-z-]+)-seed-1", page)} == {"teacher", "distilled"}


@pytest.mark.parametrize("text", blocks("python"))
def test_python_names_what_exists(text):
    names = {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "finkd"
    }
    assert names
    assert names <= set(finkd.__all__)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(configuration_schema())
    json.dumps(configuration_schema())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_fits_the_schema(path):
    settings = read_by_an_editor(path.read_text(encoding="utf-8"))
    assert not list(VALIDATOR.iter_errors(settings))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"systems": {"a": {"strategie": "finetune"}}}, ["systems", "a"]),
        ({"stages": {"finetune": {"schedule": {"epoch": 3}}}}, ["stages", "finetune", "schedule"]),
        ({"stages": {"task-distill:text": {"schedule": {"epochs": -1}}}}, ["stages", "task-distill:text"]),
        ({"stages": {"finetuned": {}}}, ["stages"]),
        ({"suites": {"glu": {}}}, ["suites"]),
        ({"suites": {"glue": {"tasks": ["colla"]}}}, ["suites", "glue", "tasks"]),
        ({"suites": {"glue": {"settings": {"schedule": {"epoch": 2}}}}}, ["suites", "glue", "settings", "schedule"]),
        ({"suites": {"glue": {}}, "systems": {"a": {"settings": {"bit": 8}}}}, ["systems", "a", "settings"]),
    ],
)
def test_the_schema_finds_mistakes(settings, place):
    wrong = [each for each in VALIDATOR.iter_errors(settings) if each.validator != "required"]
    assert any(list(each.absolute_path)[: len(place)] == place for each in wrong)


def test_every_key_of_the_schema_says_what_it_means():
    def objects(schema):
        if isinstance(schema, dict):
            if "properties" in schema:
                yield schema
            for each in schema.values():
                yield from objects(each)
        elif isinstance(schema, list):
            for each in schema:
                yield from objects(each)

    silent = [
        name
        for each in objects(configuration_schema())
        for name, about in each["properties"].items()
        if not about.get("description")
    ]
    assert not silent


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_kept_without_outputs_and_shown(path):
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert f"notebooks/{path.stem}\n" in (ROOT / "docs" / "index.md").read_text()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
