"""The program as a process: what it imports, what it prints, how it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import finkd
from finkd.experiments import cli
from finkd.experiments.commands.listing import KINDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "accelerate", "pandas", "matplotlib", "spacy", "datasets", "sklearn")
PROGRAM = [sys.executable, "-c", "from finkd.experiments.cli import main; main()"]


def process(*arguments, command=None, **options):
    return subprocess.run(
        [*(command or PROGRAM), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120, **options
    )


def test_help_and_list_import_nothing_slow():
    code = f"""
import sys
import finkd
from finkd.experiments.cli import app
for arguments in (["--help"], ["run", "--help"], *(["list", kind] for kind in {list(KINDS)})):
    try:
        app(arguments)
    except SystemExit as end:
        assert not end.code, arguments
print("heavy:", [name for name in {HEAVY} if name in sys.modules])
"""
    assert process(command=[sys.executable, "-c", code]).stdout.splitlines()[-1] == "heavy: []"


def test_analysis_needs_no_torch():
    code = f"import sys, finkd.experiments.vocabularies; print([name for name in {HEAVY} if name in sys.modules])"
    assert process(command=[sys.executable, "-c", code]).stdout.splitlines() == ["[]"]


def test_a_reader_who_leaves_is_no_error():
    shell = ["bash", "-c", '"$@" list corpora --json | true; exit ${PIPESTATUS[0]}', "finkd"]
    result = process(*PROGRAM, command=shell)
    assert result.stderr == ""
    assert result.returncode in (0, 1)


@pytest.fixture
def _heeded():
    """Ctrl-C as a terminal's process takes it; shells let those in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeded")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_are_one_line(sent, finkd, monkeypatch):
    monkeypatch.setattr("finkd.experiments.commands.listing.show_json", lambda value: signal.raise_signal(sent))
    before = signal.getsignal(sent)
    result = finkd("list", "corpora", "--json")
    assert result.exit_code == cli.INTERRUPTED
    assert result.stderr.splitlines() == ["finkd: interrupted"]
    assert signal.getsignal(sent) is before


@pytest.mark.parametrize(
    ("command", "is_kept"),
    [
        ("run quickstart", True),
        ("predict model --file in.txt --out=tags.jsonl", True),
        ("predict model --file in.txt", False),
        ("evaluate model --suite glue", True),
        ("evaluate model --corpus sample", False),
        ("vocab --corpus sample", False),
        ("--tiny", True),  # of a strategy's script
    ],
)
def test_only_commands_that_go_on_say_so(command, is_kept):
    assert cli._is_kept(command.split()) == is_kept


def test_closed_streams_are_no_defect():
    shell = ["bash", "-c", '"$@" list losses >&- <&-', "finkd"]
    result = process(*PROGRAM, command=shell)
    assert (result.stderr, result.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device", "/data/model"), "finkd: /data/model: No space left on device"),
        (OSError(28, "No space left on device"), "finkd: No space left on device"),
        (KeyError("x"), "finkd: KeyError: 'x' (this is a defect of finkd; 'finkd --debug ...' shows where)"),
        (AssertionError(), "finkd: AssertionError: no message (this is a defect of finkd; "),
    ],
)
def test_what_nobody_expected_is_one_line_too(error, expected, finkd, monkeypatch):
    def fail(value):
        raise error

    monkeypatch.setattr("finkd.experiments.commands.listing.show_json", fail)
    result = finkd("list", "corpora", "--json")
    assert result.exit_code == cli.FAILED
    assert result.stderr.startswith(expected)
    assert len(result.stderr.splitlines()) == 1


def test_debug_shows_where(finkd, monkeypatch):
    error = KeyError("x")

    def fail(value):
        raise error

    monkeypatch.setattr("finkd.experiments.commands.listing.show_json", fail)
    for place in range(4):
        arguments = ["list", "corpora", "--json"]
        arguments.insert(place, "--debug")
        assert finkd(*arguments).exception is error


def test_the_front_door_gives_what_it_lists_and_nothing_else():
    for name in finkd.__all__:
        assert getattr(finkd, name) is not None
    assert set(finkd._TARGETS) | {"__version__"} == set(finkd.__all__) == set(dir(finkd))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        finkd.nothing  # noqa: B018
