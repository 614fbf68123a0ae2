"""Files that are whole or absent, readable as the umask says, and gone when the process that wrote them was killed."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from finkd.corpora.errors import StoreError
from finkd.corpora.files import (
    atomic_folder,
    check_writable,
    clean,
    folder_lock,
    remove_abandoned,
    scratch_folder,
    turn,
    write_atomic,
)

ROOT = Path(__file__).parents[2]
WRITER = """
with atomic_folder(path) as folder:
    (folder / "weights").write_text("new")
    wait()
"""
BEGINNING = """
import sys
from pathlib import Path
from finkd.corpora.files import atomic_folder
path = Path(sys.argv[1]) / "made"
def wait():
    print("inside", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def process(program, folder):
    """A process that has begun to write in a folder, and goes on once it is told."""
    running = subprocess.Popen(
        [sys.executable, "-c", BEGINNING + program, str(folder)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout.readline() == "inside\n"
        yield running
    finally:
        running.kill()
        running.communicate()


def unfinished(folder):
    return [path.name for path in folder.iterdir() if ".finkd-" in path.name]


@contextmanager
def umask(value):
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder):
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize(
    ("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0o002, 0o664, 0o775)]
)
def test_what_is_published_has_the_modes_of_the_umask(mask, file, folder, tmp_path):
    with umask(mask):
        with atomic_folder(tmp_path / "made") as made:
            (made / "sub").mkdir(mode=0o700)
            (made / "sub" / "model.safetensors").touch(mode=0o600)
            (made / "open").touch()
            (made / "open").chmod(0o666)
            (made / "program").touch()
            (made / "program").chmod(0o700)
        write_atomic(tmp_path / "made" / "README.md", "card")
    assert modes(tmp_path / "made") == {
        ".": folder,
        "sub": folder,
        "sub/model.safetensors": file,
        "open": file,
        "program": folder,
        "README.md": file,
    }


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_atomic(path, "old")

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"record.json: cannot write \(No space left on device\)"):
            write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize("name", [".", "", "/"])
def test_a_path_without_a_name_is_no_file(name):
    for write in (lambda path: write_atomic(path, "new"), check_writable):
        with pytest.raises(StoreError, match=r"cannot write \(Is a directory\)"):
            write(Path(name))


def test_what_a_living_process_writes_is_never_removed(tmp_path):
    with process(WRITER, tmp_path) as running:
        (name,) = unfinished(tmp_path)
        clean(tmp_path)
        write_atomic(tmp_path / "other", "text")
        with atomic_folder(tmp_path / "another"), folder_lock(tmp_path):
            pass
        assert unfinished(tmp_path) == [name]
        assert not remove_abandoned(tmp_path / name)
        running.stdin.write("\n")
        running.stdin.flush()
        assert running.wait() == 0
    assert unfinished(tmp_path) == []
    assert (tmp_path / "made" / "weights").read_text() == "new"


NEXT = {
    "file": lambda folder: nullcontext(write_atomic(folder / "other", "text")),
    "folder": lambda folder: atomic_folder(folder / "other"),
    "scratch": lambda folder: scratch_folder(),
    "lock": folder_lock,
    "lock of the study": lambda folder: folder_lock(folder.parents[1]),
}


@pytest.mark.parametrize("next_one", list(NEXT))
def test_what_a_killed_process_left_goes_with_the_next_that_writes(next_one, tmp_path, monkeypatch):
    folder = tmp_path / "trial-0001" / "models"
    folder.mkdir(parents=True)
    with process(WRITER, folder) as running:
        running.send_signal(signal.SIGKILL)
        running.wait()
    (left,) = unfinished(folder)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with NEXT[next_one](folder):
        assert left not in unfinished(folder)
        assert not (folder / "made").exists()


def test_a_fork_that_ends_does_not_give_up_the_folder(tmp_path):
    program = """
import os
with atomic_folder(path) as folder:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    wait()
"""
    with process(program, tmp_path):
        clean(tmp_path)
        assert len(unfinished(tmp_path)) == 1


def test_the_old_folder_comes_back_if_a_kill_came_between_two_renames(tmp_path):
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "weights").write_text("old")
    program = """
real = Path.replace
def replace(self, target):
    if self.name == "new":
        wait()
    return real(self, target)
Path.replace = replace
with atomic_folder(path) as folder:
    (folder / "weights").write_text("new")
"""
    with process(program, tmp_path) as running:
        assert not (tmp_path / "made").exists()
        clean(tmp_path)
        assert not (tmp_path / "made").exists()
        running.kill()
        running.wait()
        clean(tmp_path)
    assert (tmp_path / "made" / "weights").read_text() == "old"
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize(
    "name", [".gitignore", "notes.finkd-0123abcd", ".notes.finkd-0123abcdef", ".notes.finkd-0123abcX"]
)
def test_other_files_stay(name, tmp_path):
    (tmp_path / name).write_text("years of work")
    (tmp_path / ".link.finkd-0123abcd").symlink_to(tmp_path / name)
    clean(tmp_path)
    assert (tmp_path / name).read_text() == "years of work"


def test_a_lock_file_of_a_killed_process_holds_nobody_up(tmp_path):
    (tmp_path / ".lock").write_text("damaged")
    (tmp_path / ".key.turn").write_text("damaged")
    with folder_lock(tmp_path), turn(tmp_path / ".key.turn"):
        assert not remove_abandoned(tmp_path / ".key.turn")
        with pytest.raises(StoreError, match="in use by another finkd run"), folder_lock(tmp_path):
            pass
    assert not (tmp_path / ".key.turn").exists()


def test_a_folder_that_was_just_made_and_never_held_goes(tmp_path):
    (tmp_path / ".made.finkd-0123abcd").mkdir()
    clean(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_whose_folder_was_removed_before_it_held_it_makes_another(tmp_path, monkeypatch):
    made = []
    real = Path.mkdir

    def mkdir(self, *arguments, **options):
        real(self, *arguments, **options)
        if ".finkd-" in self.name:
            made.append(self)
            if len(made) == 1:
                clean(tmp_path)  # as another process may, between making and holding

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "weights").write_text("new")
    assert len(made) == 2
    assert (tmp_path / "made" / "weights").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
