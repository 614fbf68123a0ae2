"""Folders of models and taggers: where they are, and what is missing where one was expected."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from finkd.corpora.errors import ConfigError, DataError, UnavailableError
from finkd.corpora.files import exists
from finkd.store import MANIFEST

CONFIG, WEIGHTS, TOKENIZER, GRAPH = "config.json", "model.safetensors", "tokenizer.json", "model.onnx"
FILES = (CONFIG, TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "*.safetensors", "*.index.json")
"""Globs of all files of a model."""
FACTORY = "finkd_tagger"
"""Name of finkd's component in a spaCy pipeline, and of its folder there."""
_DEPTH = 4
"""Levels below a folder that are searched for models: ``./runs/quickstart/models/teacher-seed-1``."""
_MOST_FOLDERS, _MOST_MODELS = 2000, 10
_WANTED = f"a model is a folder with {CONFIG}, {WEIGHTS} and {TOKENIZER}"


def model_name(model: str | Path) -> str:
    """Return what a model is called: the end of its name, or of the folder's whole path if that has none (``.``).

    Raises:
        ConfigError: if that has no letter or digit either.
    """
    for path in (Path(model), Path(model).resolve()):
        if any(map(str.isalnum, path.name)):
            return path.name
    raise ConfigError(f"{model}: expected a letter or digit in the name of the folder")


def model_files(folder: Path, *more: str) -> list[Path]:
    """Return the files of the model or graph in a folder, and of those that are named beside; nothing else in it."""
    return sorted(file for name in (*FILES, GRAPH, *more) for file in folder.glob(name) if file.is_file())


def not_a_model(name: str, path: Path) -> UnavailableError:
    """Return the error for a file or folder that exists and is no model."""
    if not path.is_dir():
        beside = [path.parent] if is_model(path.parent) else []
        return _error(name, "is a file", beside, "its folder is one")
    try:
        found = sorted(each.name for each in path.iterdir())
    except OSError as error:
        return _error(name, f"the folder cannot be read ({error.strerror})", (), "")
    below = list(islice(models_below(path), _MOST_MODELS + 1))
    if below:
        count = f"more than {_MOST_MODELS}" if len(below) > _MOST_MODELS else str(len(below))
        lie = f"{count} {'model lies' if len(below) == 1 else 'models lie'} below it"
        return _error(name, "the folder is no model itself", below[:_MOST_MODELS], lie)
    if not found:
        return _error(name, "the folder is empty", (), "")
    shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
    return _error(name, f"the folder has no {CONFIG} (it holds {shown})", (), "")


def _error(name: str, problem: str, instead: Sequence[Path], why: str) -> UnavailableError:
    remedy = f"; {why}, such as {instead[0]}" if instead else ""
    return UnavailableError(
        f"model {name!r}: {problem}; {_WANTED}{remedy}", given=name, instead=tuple(str(each) for each in instead)
    )


def models_below(folder: Path) -> Iterator[Path]:
    """Yield the folders of models below a folder, in order, except hidden ones and stored stages."""
    level, left = [folder], _MOST_FOLDERS
    for _ in range(_DEPTH):
        inner = [each for parent in level for each in _visible_folders(parent)][:left]
        left -= len(inner)
        yield from (each for each in inner if is_model(each))
        level = [each for each in inner if not is_model(each)]


def _visible_folders(parent: Path) -> list[Path]:
    try:
        found = sorted(each for each in parent.iterdir() if not each.name.startswith(".") and each.is_dir())
    except OSError:
        return []
    return [each for each in found if not (each / MANIFEST).is_file()]


def is_model(folder: Path) -> bool:
    """Return whether a folder holds a configuration with weights or a graph."""
    return (folder / CONFIG).is_file() and ((folder / GRAPH).is_file() or any(folder.glob("*.safetensors")))


def is_spacy_pipeline(folder: Path) -> bool:
    """Return whether a folder holds a pipeline of spaCy."""
    return (folder / "config.cfg").is_file() and (folder / "meta.json").is_file()


def check_weights(folder: Path) -> None:
    """Raise ``DataError`` if a folder with a configuration has no weights that can be read."""
    if any(folder.glob("*.safetensors")):
        return
    if (folder / GRAPH).is_file():
        problem = f"is an ONNX graph, which is only run; name the model that it was exported from (no {WEIGHTS} here)"
    else:
        problem = f"has a {CONFIG} but no {WEIGHTS}; fetch or train it again"
    raise DataError(f"{folder}: {problem}")


def is_graph(source: str | Path) -> bool:
    """Return whether a tagger is an exported ONNX graph."""
    folder = tagger_folder(source)
    return (folder / GRAPH).is_file() and not any(folder.glob("*.safetensors"))


def tagger_folder(source: str | Path) -> Path:
    """Return the folder of a tagger's files: within a spaCy pipeline or package that finkd made, or the source itself.

    Raises:
        ConfigError: if several taggers lie there.
    """
    folder, name = Path(source).expanduser(), str(source)
    if not exists(folder):  # the folder of an installed package, which is not imported
        spec = importlib.util.find_spec(name) if name.isidentifier() and name.startswith("en_") else None
        if not spec or not spec.submodule_search_locations:
            return Path(source)
        folder = Path(spec.submodule_search_locations[0])
    if (folder / CONFIG).is_file():
        return Path(source)
    # A pipeline, an installed package (NAME/NAME-VERSION), or one that pip installs (FOLDER/NAME/NAME-VERSION).
    found = [
        each.parent
        for depth in ("", "*/", "*/*/")
        for each in folder.glob(f"{depth}{FACTORY}/{CONFIG}")
        if (each.parents[1] / "config.cfg").is_file()
    ]
    if len(found) > 1:
        raise ConfigError(f"{source}: holds several taggers ({', '.join(map(str, found))}); name one of them")
    return found[0] if found else Path(source)
