"""The containers of a study: commands that exist, ports of this machine alone, and no password."""

import ipaddress
import json
import re
import shlex
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator
from sqlalchemy.engine import make_url

from finkd.experiments.tuning.search import load_plan
from tests.docs.test_pages import COMMANDS

ROOT = Path(__file__).parents[3]
FILE = ROOT / "experiments" / "tuning" / "compose.yaml"
RAW = yaml.safe_load(FILE.read_text())
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
SET = yaml.safe_load(_VARIABLE.sub(lambda found: found[2] or "", FILE.read_text()))
"""The file where no variable is set."""
OURS = [name for name, service in SET["services"].items() if "build" in service]


def test_the_file_fits_the_compose_specification():
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    assert not [each.message for each in Draft7Validator(json.loads(schema.read_text())).iter_errors(RAW)]


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name):
    program, command, *words = shlex.split(SET["services"][name]["command"])
    assert program == "finkd"
    given = COMMANDS[command].make_context(command, words).params
    url = make_url(given["storage"])
    assert url.host in SET["services"]
    assert (url.username, url.database) == tuple(
        SET["services"][url.host]["environment"][key] for key in ("POSTGRES_USER", "POSTGRES_DB")
    )
    if command == "tune":
        assert load_plan(given["config"]).name == given["config"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_built_from_a_target_and_a_lock_that_exist(name):
    build = SET["services"][name]["build"]
    context = (FILE.parent / build["context"]).resolve()
    assert context == ROOT
    assert f" AS {build['target']}\n" in (context / build["dockerfile"]).read_text()
    assert (context / ".ci" / "requirements" / f"{build['args']['LOCK']}.lock").is_file()


def test_ports_are_those_of_this_machine_alone():
    published = {name: service["ports"] for name, service in SET["services"].items() if "ports" in service}
    assert published.keys() == {"dashboard"}
    for each in published["dashboard"]:
        host, _, _ = each.rsplit(":", 2)
        assert ipaddress.ip_address(host).is_loopback


def test_no_password_is_written_down():
    secrets = [
        value
        for service in RAW["services"].values()
        for key, value in service["environment"].items()
        if re.search("PASS|SECRET|KEY", key)
    ]
    assert len(secrets) == 3
    assert all(re.fullmatch(r"\$\{STUDIES_PASSWORD:\?[^}]*\}", value) for value in secrets)
    assert not re.findall(r"://[^/\s]*:[^/\s]*@", FILE.read_text())
