"""Damage that any file of JSON or bytes can take."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.hostile.case import Case, Refusal, Unknown

NO_OBJECTS = ("null", "[]", "5", '"text"', "true", "[[[[]]]]", "")
ODD_VALUES = (None, True, -1, 0, 10**9, 10**30, 1.5, "", "x", "\u202e", [], [1], {}, {"a": 1})


def cut(random: Random, path: Path) -> None:
    """Keep the beginning of a file alone."""
    raw = path.read_bytes()
    path.write_bytes(raw[: random.randrange(len(raw) * 9 // 10)])


def mutate(random: Random, path: Path) -> None:
    """Change, remove or repeat some bytes."""
    raw = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 8)):
        at = random.randrange(len(raw))
        match random.randrange(3):
            case 0:
                raw[at] = random.randrange(256)
            case 1:
                del raw[at : at + random.randint(1, 20)]
            case _:
                raw[at:at] = raw[at : at + random.randint(1, 20)]
    path.write_bytes(bytes(raw))


def break_json(random: Random, path: Path) -> str:
    """Write what is no strict JSON object in place of one; gives the name of the damage."""
    text = path.read_text(encoding="utf-8").strip()
    damage: dict[str, Callable[[], str | bytes]] = {
        "no object": lambda: random.choice(NO_OBJECTS),
        "cut": lambda: text[: random.randrange(len(text) - 1)],
        "a key twice": lambda: "{" + '"twice": 1, "twice": 2, ' + text[1:],
        "NaN": lambda: '{"odd": ' + random.choice(("NaN", "Infinity", "-Infinity")) + ", " + text[1:],
        "brackets": lambda: '{"odd": ' + "[" * 100_000 + "]" * 100_000 + ", " + text[1:],
        "deep": lambda: '{"odd": ' + '{"a": ' * 60 + "1" + "}" * 60 + ", " + text[1:],
        "long integer": lambda: '{"odd": ' + "9" * random.randint(20, 6000) + ", " + text[1:],
        "UTF-16": lambda: text.encode("utf-16"),
        "Latin-1": lambda: '{"odd": "é", '.encode("latin-1") + text[1:].encode(),
        "half a surrogate pair": lambda: '{"odd": "\\udc00", ' + text[1:],
        "a comma more": lambda: text[:-1] + ",}",
        "something behind": lambda: text + random.choice(("x", "{}", "\0")),
        "single quotes": lambda: text.replace('"', "'"),
        "huge": lambda: text + " " * (70 * 2**20),
    }
    name = random.choice(sorted(damage))
    content = damage[name]()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def rewrite_json(random: Random, path: Path) -> str:
    """Write the same object in another way; gives its name."""
    value = json.loads(path.read_text(encoding="utf-8"))
    ways: dict[str, Callable[[], str]] = {
        "indented": lambda: json.dumps(value, indent=random.randint(0, 8)),
        "escaped": lambda: json.dumps(value, ensure_ascii=True),
        "plain": lambda: json.dumps(value, ensure_ascii=False),
        "dense": lambda: json.dumps(value, separators=(",", ":")),
        "white space around": lambda: "\n\t " + json.dumps(value) + " \r\n",
        "keys in another order": lambda: json.dumps(dict(reversed(value.items()))),
    }
    name = random.choice(sorted(ways))
    path.write_text(ways[name](), encoding="utf-8")
    return name


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit the object in a JSON file."""
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    path.write_text(json.dumps(value), encoding="utf-8")


Damage = Callable[[Random, Path], Any]
"""Damages a folder; gives ``Refusal``, ``Unknown``, or ``None`` where it must be read as before."""


def nothing(random: Random, folder: Path) -> Any:
    """Leave the folder as it is."""


def of_file(damage: Callable[[Random, Path], Any], expected: Any, *names: str) -> Damage:
    """Damage one of some files."""

    def apply(random: Random, folder: Path) -> Any:
        damage(random, folder / random.choice(names))
        return expected

    return apply


def of_settings(name: str, wrong: Mapping[str, Sequence[Any]], within: str = "", expected: Any = Refusal) -> Damage:
    """Set one of some keys of a JSON file to one of its wrong values."""

    def apply(random: Random, folder: Path) -> Any:
        key = random.choice(sorted(wrong))
        value = random.choice(wrong[key])
        change(folder / name, lambda each: (each[within] if within else each).update({key: value}))
        return expected

    return apply


def odd_value(random: Random, path: Path) -> None:
    """Set a key of a JSON file to an odd value."""
    change(path, lambda each: each.update({random.choice(sorted(each)): random.choice(ODD_VALUES)}))


def no_file(random: Random, path: Path) -> None:
    """Replace a file by none, an empty one, a folder or a link to itself."""
    path.unlink()
    random.choice([lambda: None, path.touch, path.mkdir, lambda: path.symlink_to(path)])()


def common(json_files: Sequence[str], needed: Sequence[str]) -> dict[str, Damage]:
    """Damage of any folder with files of JSON and with files that it needs."""
    every = (*json_files, *(name for name in needed if name not in json_files))
    return {
        "undamaged": nothing,
        "broken JSON": of_file(break_json, Refusal, *json_files),
        "the same JSON": of_file(rewrite_json, None, *json_files),
        "an odd value": of_file(odd_value, Unknown, *json_files),
        "bytes": of_file(mutate, Unknown, *every),
        "cut": of_file(cut, Refusal, *needed),
        "files": of_file(no_file, Refusal, *needed),
    }


@cache
def undamaged(read: Callable[[Path], Any], whole: Path) -> Any:
    """What is read from a folder that is right."""
    return read(whole)


def damaged(
    random: Random, folder: Path, whole: Path, read: Callable[[Path], Any], kinds: Mapping[str, Damage], *mentions: str
) -> Case:
    """Copy a folder that is right and damage it in one of some ways."""
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    name = random.choice(sorted(kinds))
    expected = kinds[name](random, folder)
    value = undamaged(read, whole) if expected is None else expected
    return Case(name, lambda: read(folder), value, (str(folder), *mentions))
