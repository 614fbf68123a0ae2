"""Models in packages, whole or in parts."""

import sys
import zipfile

import pytest

from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.files import sha256
from finkd.models import packages, pretrained
from finkd.models.packages import Packaged, fetch, find
from finkd.models.pretrained import resolve
from tests.finkd.toys import tiny_model

PARTS = 3


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FINKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "toy-large"
    folder.mkdir()
    tiny_model().save(folder)
    return folder


def installed(site, name, files):
    """A package as pip leaves it behind; importing it would fail."""
    info = site / f"{name.replace('-', '_')}-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
        (site / path).parent.joinpath("__init__.py").write_text("raise SystemExit('a package was imported')")


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def parts_of(folder, more=()):
    """A zip of a model's folder, cut into parts."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"{folder.name}/{file.name}")
        for name, content in more:
            archive.writestr(name, content)
    raw, size = path.read_bytes(), -(-path.stat().st_size // PARTS)
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def in_parts(saved, **checksums):
    checksums = checksums or {"model.safetensors": sha256(saved / "model.safetensors")}
    return Packaged([f"toy-part-{number}==0.1" for number in range(PARTS)], saved.name, checksums, "*.zip.*")


def install_parts(site, parts):
    for number, part in enumerate(parts):
        installed(site, f"toy-part-{number}", {f"toy-part_{number}/input/toy.zip.00{number}": part})


def test_a_whole_model_is_read_where_it_is_installed_and_checked(site, saved, monkeypatch):
    installed(site, "toy", {f"toy/model/{path.name}": path.read_bytes() for path in saved.iterdir()})
    packaged = Packaged(["toy==0.1"], "toy/model", {"model.safetensors": sha256(saved / "model.safetensors")})
    monkeypatch.setattr(pretrained, "PACKAGED", {"toy/packaged": packaged})
    assert resolve("toy/packaged") == site / "toy/model"
    with (site / "toy/model/model.safetensors").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=r"SHA-256 is [0-9a-f]{64}, expected .*; remove it and install toy again"):
        resolve("toy/packaged")


def test_installed_parts_are_joined_once_and_nothing_is_imported(site, saved, tmp_path):
    outside = [(f"{saved.name}/../../evil.json", "{}"), ("/tmp/evil.json", "{}"), (f"{saved.name}/deeper/x.json", "{}")]
    install_parts(site, parts_of(saved, outside))
    folder = find(in_parts(saved))
    assert folder == tmp_path / "cache/models" / saved.name
    assert {path.name for path in folder.iterdir()} == {path.name for path in saved.iterdir()}
    assert not any(name.startswith("toy") for name in sys.modules)
    assert not list(tmp_path.rglob("evil.json"))
    for part in site.rglob("*.zip.*"):
        part.unlink()
    assert find(in_parts(saved)) == folder


def test_parts_of_other_bytes_leave_nothing_behind(site, saved, tmp_path):
    install_parts(site, parts_of(saved))
    with pytest.raises(DataError, match="SHA-256 is"):
        find(in_parts(saved, **{"model.safetensors": "0" * 64}))
    assert not list((tmp_path / "cache/models").iterdir())


def test_parts_that_join_to_no_archive_are_refused(site, saved):
    install_parts(site, reversed(parts_of(saved)))
    with pytest.raises(DataError, match="do not join to an archive"):
        find(in_parts(saved))


def test_an_archive_that_is_too_large_is_refused(site, saved, monkeypatch):
    monkeypatch.setattr(packages, "_MAX_BYTES", 100)
    install_parts(site, parts_of(saved))
    with pytest.raises(DataError, match="would take more than 100 bytes"):
        find(in_parts(saved))


def test_missing_parts_are_fetched_with_pip(site, saved, monkeypatch, tmp_path):
    parts = parts_of(saved)
    install_parts(site, parts[:1])
    assert find(in_parts(saved)) is None

    def download(command, **options):
        assert command[1:4] == ["-m", "pip", "download"]
        for number, part in enumerate(parts):
            with zipfile.ZipFile(f"{command[command.index('--dest') + 1]}/toy_part_{number}-0.1.whl", "w") as wheel:
                wheel.writestr(f"toy-part_{number}/input/toy.zip.00{number}", part)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(packages.subprocess, "run", download)
    assert fetch(in_parts(saved)) == tmp_path / "cache/models" / saved.name


@pytest.mark.parametrize("offline", ["0", "1"])
def test_a_failed_download_is_one_line(saved, monkeypatch, offline):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    failed = type("Done", (), {"returncode": 1, "stderr": "WARNING: x\nERROR: no such package\n"})
    monkeypatch.setattr(packages.subprocess, "run", lambda command, **options: failed)
    message = r"pip cannot download them \(ERROR: no such package\)" if offline == "0" else "HF_HUB_OFFLINE forbids"
    with pytest.raises(UnavailableError, match=message):
        fetch(in_parts(saved))
