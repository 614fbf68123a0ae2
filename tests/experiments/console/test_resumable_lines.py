"""Files of JSON lines that a killed command left: gone on with by what made them, and by nothing else."""

import contextlib
import json

import pytest

from finkd.corpora.errors import ConfigError
from finkd.experiments.console.resumable_lines import resumable_lines


class KilledError(Exception):
    """Ends a command before its file is whole."""


def begin(path, made_by, lines):
    with contextlib.suppress(KilledError), resumable_lines(path, made_by) as file:
        for line in lines:
            file.write(line)
        raise KilledError


def test_what_something_else_began_is_refused_until_it_is_removed(tmp_path):
    out, part = tmp_path / "out", tmp_path / "out.unfinished"
    begin(out, {"model": "a"}, [{"n": 1}])
    with (
        pytest.raises(ConfigError, match=r"other options \(see .*out\.unfinished\.json\); remove both"),
        resumable_lines(out, {"model": "b"}),
    ):
        pass
    part.unlink()
    begin(out, {"model": "b"}, [])  # a description alone, as a kill leaves one before the first line, refuses nothing
    with resumable_lines(out, {"model": "c"}) as file:
        assert list(file.finished()) == []
        file.write({"n": 2})
    assert json.loads(out.read_text()) == {"n": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
