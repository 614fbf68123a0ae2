"""``--when-done``."""

import shlex
import sys

import pytest

from finkd.corpora.errors import ConfigError
from finkd.experiments.console.notification import announced


def told(path):
    """A command that writes the outcome into a file."""
    code = f"import os; open({str(path)!r}, 'w').write(os.environ['FINKD_OUTCOME'])"
    return shlex.join([sys.executable, "-c", code])


def test_a_good_end(tmp_path):
    with announced(told(tmp_path / "said")):
        assert not (tmp_path / "said").exists()
    assert (tmp_path / "said").read_text() == "done"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConfigError("no such corpus\nmore"), "failed: no such corpus"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError(), "failed: ValueError"),
    ],
)
def test_another_end_is_told_and_the_error_goes_on(error, outcome, tmp_path):
    with pytest.raises(type(error)), announced(told(tmp_path / "said")):
        raise error
    assert (tmp_path / "said").read_text() == outcome


@pytest.mark.parametrize("command", ["/no/such/program", "false"])
def test_a_command_that_fails_changes_nothing(command, capsys):
    with announced(command):
        pass
    assert "--when-done:" in capsys.readouterr().err


def test_a_command_that_is_none_is_refused_before_any_work():
    with pytest.raises(ConfigError, match="--when-done: No closing quotation"), announced("'x"):
        raise AssertionError


def test_without_one_nothing_is_run():
    with announced(None):
        pass
