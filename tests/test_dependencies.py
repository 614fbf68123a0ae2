"""What finkd depends on: licences that Apache-2.0 can live with, and pins with the hash of every file."""

import re
import tomllib
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from finkd.experiments.extras import NOT_FOR_GRAPHS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PARTS = ("tune", "export", "serve", "general", "compress")
"""Extras that ``finkd[all]`` is made of."""
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
}
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""As classifiers and older metadata spell them. "BSD" leaves the number of clauses open; all of them are allowed."""
JUSTIFIED = {
    "certifi": ("MPL-2.0", "binds changes of its own files alone; finkd ships none of them"),
    "tqdm": ("MPL-2.0", "binds changes of its own files alone; finkd ships none of them"),
}


def closure(requirements):
    """Metadata of installed packages, and of all that they need, by name."""
    found, waiting = {}, list(requirements)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if name not in found and any(applies(requirement, extra) for extra in extras):
            found[name] = metadata.metadata(name)
            waiting += [each for each in metadata.requires(name) or () if applies(Requirement(each), *extras)]
    return found


def applies(requirement, extra):
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def licences(package):
    """Terms that all bind, in the field's own names; of a choice the first one that is allowed."""
    classified = [each.rsplit(" :: ", 1)[1] for each in package.get_all("Classifier") or () if "License ::" in each]
    expression = re.sub(r"[()]", "", package.get("License-Expression") or "")
    written = expression or " AND ".join(classified) or package.get("License") or "no licence"
    terms = written.split(" AND ") if "\n" not in written else [written[:60]]
    choices = [[SPELLINGS.get(each, each) for each in term.split(" OR ")] for term in terms]
    return {next((each for each in choice if each in ALLOWED), choice[0]) for choice in choices}


def test_every_dependency_has_a_licence_that_fits_apache_2():
    packages = closure(
        PROJECT["dependencies"] + [each for part in PARTS for each in PROJECT["optional-dependencies"][part]]
    )
    assert len(packages) > 100
    wrong = {name: licences(package) - ALLOWED for name, package in packages.items()}
    wrong = {name: terms for name, terms in wrong.items() if terms and {JUSTIFIED.get(name, ("",))[0]} != terms}
    assert wrong == {}, "not known to fit Apache-2.0"


@pytest.mark.parametrize(
    ("fields", "terms"),
    [
        ("License-Expression: GPL-3.0-or-later", {"GPL-3.0-or-later"}),
        ("License-Expression: MIT OR GPL-2.0-only", {"MIT"}),
        ("License-Expression: BSD-3-Clause AND (LGPL-2.1-only OR ISC)", {"BSD-3-Clause", "ISC"}),
        ("License: MIT\nClassifier: License :: OSI Approved :: GNU GPL v3", {"GNU GPL v3"}),
        ("License: Apache 2.0", {"Apache-2.0"}),
        ("Name: x", {"no licence"}),
    ],
)
def test_what_a_package_says_of_its_licence_is_understood(fields, terms):
    assert licences(Parser().parsestr(fields)) == terms


LOCKS = {
    name: (ROOT / ".ci" / "requirements" / f"{name}.lock").read_text() for name in ("runtime", "tuning", "graph", "dev")
}


def pins(lock):
    """Hashes of each package's files, by its name and version."""
    text = re.sub(r"\\\n", "", lock)
    lines = [line.split("--hash=") for line in text.splitlines() if line and line.lstrip()[:1] != "#"]
    return {head.strip(): [each.strip() for each in hashes] for head, *hashes in lines}


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes_and_no_place_is_named(name):
    found = pins(LOCKS[name])
    for pin, hashes in found.items():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .*)?", pin)
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)
    assert "://" not in LOCKS[name]
    assert "index-url" not in LOCKS[name]
    assert "find-links" not in LOCKS[name]


@pytest.mark.parametrize(
    ("name", "only"), [("runtime", set()), ("graph", set()), ("tuning", {"psycopg", "psycopg-binary"})]
)
def test_what_runs_is_pinned_alike_for_work_on_it(name, only):
    held, dev = pins(LOCKS[name]), pins(LOCKS["dev"])
    assert {pin: hashes for pin, hashes in held.items() if dev.get(pin) != hashes}.keys() == {
        pin for pin in held if pin.split("==")[0] in only
    }


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("runtime", ["build", "export", "serve"]),
        ("tuning", ["build", "tune", "postgres", "offline"]),
        ("dev", ["build", "dev", "docs", "offline", *PARTS]),
    ],
)
def test_the_lock_is_whole_and_fits_the_project(name, extras):
    versions = {pin.split("==")[0]: pin.split("==")[1] for pin in pins(LOCKS[name])}
    torch = Requirement((ROOT / ".ci" / "requirements" / "torch.txt").read_text().splitlines()[-1])
    versions["torch"] = str(torch.specifier).removeprefix("==")
    wanted = PROJECT["dependencies"] + [each for extra in extras for each in PROJECT["optional-dependencies"][extra]]
    for each in map(Requirement, wanted):
        assert each.specifier.contains(versions[canonicalize_name(each.name)]), each
    assert closure(PROJECT["dependencies"]).keys() - cuda() <= versions.keys()


def test_the_lock_for_graphs_is_whole_and_has_no_pytorch():
    versions = dict(pin.split("==") for pin in pins(LOCKS["graph"]))
    named = {canonicalize_name(Requirement(each).name) for each in PROJECT["dependencies"]}
    assert named - versions.keys() == {canonicalize_name(each) for each in NOT_FOR_GRAPHS}
    written = (ROOT / ".ci" / "requirements" / "graph.in").read_text().splitlines()
    assert closure([each for each in written if each[0] != "#"]).keys() <= versions.keys()


def cuda():
    """Packages that a build of PyTorch for NVIDIA's cards brings along."""
    return {canonicalize_name(each.name) for each in torch_needs() if re.match(r"nvidia|cuda|triton", each.name)}


def torch_needs():
    return [Requirement(each) for each in metadata.requires("torch") or () if applies(Requirement(each), "")]


def test_what_the_locks_hold_for_pytorch_is_what_it_needs():
    (written,) = tomllib.loads((ROOT / ".ci" / "requirements" / "uv.toml").read_text())["dependency-metadata"]
    needs = {canonicalize_name(each.name) for each in torch_needs()} - cuda()
    assert needs == {canonicalize_name(Requirement(each).name) for each in written["requires-dist"]}


@pytest.mark.parametrize("path", ["Makefile", "experiments/service/Dockerfile"])
def test_nothing_but_pytorch_is_installed_without_a_hash(path):
    text = (ROOT / path).read_text().replace("\\\n", " ")
    installs = re.findall(r"(?:PIP\)|\bpip) install ([^&|\n]*)", text)
    assert len(installs) >= 3
    for each in installs:
        hashed = "--require-hashes" in each and ".lock" in each
        own = "--no-deps" in each and "--no-build-isolation" in each
        assert hashed or own or "--requirement .ci/requirements/torch.txt" in each, each
