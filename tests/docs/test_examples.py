"""The programs of docs/examples find in an exported tagger what finkd finds."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from finkd.export.loading import load_tagger
from finkd.export.onnx_export import export_onnx
from finkd.inference.tagging import predict
from finkd.models.case_embeddings import embed_case
from tests.finkd.toys import LABELS, tiny_model
from tests.toys import roberta

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TEXTS = (
    "",
    " \n",
    "Acme",
    "😀 Société Générale lent €25 million 𝒳 to Ze\u0301lie O'Brien 🏦.",
    'Acme Corp. fell, didn’t it?  “The Bank’s rate” is 4.75%! The U.S. lender paid IBM.\n\n"No," said J. McDonald.',
    "ACME \u200b Ⅷ ǅ É E\u0301 iPhone 3M 𐐀b x_y 中文 (credit-agreement) A.B. 10-K, 1/2 and Covid-19 ...",
)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """A graph that is given the case of words, and one whose tokens begin with a space."""
    cased = embed_case(tiny_model(labels=LABELS, positions=128))
    table = cased.encoder.embeddings.token_type_embeddings.weight
    torch.nn.init.normal_(table, generator=torch.Generator().manual_seed(1))
    models = {"cased": cased, "spaces": tiny_model(roberta(), labels=LABELS, positions=128)}
    folder = tmp_path_factory.mktemp("graphs")
    for name, model in models.items():
        export_onnx(model, folder / name)
    return folder


@pytest.fixture(params=["cased", "spaces"])
def tagger(request, graphs):
    return graphs / request.param


@pytest.fixture(scope="module", params=["python", "node"])
def program(request, tmp_path_factory):
    """The command of a program; Node's needs a folder ``node_modules`` with onnxruntime-node and tokenizers."""
    if request.param == "python":
        return [sys.executable, EXAMPLES / "onnx_only.py"]
    modules = os.environ.get("FINKD_NODE_MODULES")
    if not (modules and shutil.which("node")):
        pytest.skip("needs node and FINKD_NODE_MODULES, a folder with onnxruntime-node and tokenizers")
    folder = tmp_path_factory.mktemp("node")
    (folder / "node_modules").symlink_to(Path(modules).resolve(strict=True))
    return ["node", shutil.copy(EXAMPLES / "onnx_only.mjs", folder)]


def run(program, folder, text):
    return subprocess.run([*program, folder, text], capture_output=True, encoding="utf-8", timeout=120)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_it_finds_what_finkd_finds(text, program, tagger):
    (tagged,) = predict([text], load_tagger(tagger))
    found = run(program, tagger, text)
    assert found.returncode == 0, found.stderr
    assert [json.loads(line) for line in found.stdout.splitlines()] == [
        {"text": each.text, "label": each.label, "start": each.start, "end": each.end} for each in tagged.mentions
    ]


def test_the_texts_have_entities(tagger):
    lengths = [len(each.mentions) for each in predict(TEXTS[3:], load_tagger(tagger))]
    assert min(lengths) > 1
    assert any(each.text.count(" ") for tagged in predict(TEXTS, load_tagger(tagger)) for each in tagged.mentions)


def test_a_sentence_that_is_too_long_is_refused(program, tagger):
    found = run(program, tagger, "Acme fell. " + 200 * "a ")
    assert (found.returncode, found.stdout) == (1, "")
    limit = load_tagger(tagger).max_length
    assert found.stderr == f"a sentence has 202 tokens; this model reads {limit} at most\n"


def test_python_needs_three_packages():
    tree = ast.parse((EXAMPLES / "onnx_only.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {name.partition(".")[0] for name in names}
    assert packages - sys.stdlib_module_names == {"numpy", "onnxruntime", "tokenizers"}
