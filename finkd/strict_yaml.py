"""Strict YAML: bounded in size, with text keys that are given once, without tags and silent conversions."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import yaml

from finkd.corpora.errors import ConfigError

MAX_CHARACTERS = 200_000
MAX_DEPTH = 40
MAX_VALUES = 10_000
"""Most keys, scalars, lists and mappings, with those that aliases repeat."""
MAX_DIGITS = 100

_TAG = "tag:yaml.org,2002:"
_TEXT, _MERGE = f"{_TAG}str", f"{_TAG}merge"
_SCALARS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null")}
_INTEGER = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0b[01_]+|0|[1-9][0-9_]*)$")
_UNTYPED = ("int", "timestamp", "value")
"""Types that are read as text: YAML 1.1 has ``010`` for eight, ``1:30`` for ninety, ``2024-01-01`` and ``=``."""


def read_yaml(text: str, where: str) -> Any:
    """Read a YAML text; keys are the text as written, so that ``on`` and ``2024`` are names too.

    Args:
        text: one YAML document.
        where: name of the text in messages.

    Raises:
        ConfigError: if it is not valid YAML, is too large or too deep (aliases included), gives a key twice, or has
            values that JSON does not have.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"{where}: not valid YAML (found {len(text):,} characters; expected up to {MAX_CHARACTERS:,})"
        )
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _check_size(root)
        return loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark and "\n" in text.strip() else ""
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{where}{line}: not valid YAML ({' '.join(problem.split())})") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{where}: not valid YAML ({' '.join(str(error).split())})") from error


class _Loader(yaml.SafeLoader):
    """Loader that counts nodes as they are composed, and constructs JSON values alone."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """Compose a node, unless there are too many or it is too deep."""
        self._depth += 1
        self._nodes += 1
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self._depth > MAX_DEPTH:
            raise _problem(f"nested more than {MAX_DEPTH} deep", mark)
        if self._nodes > MAX_VALUES:
            raise _problem(f"more than {MAX_VALUES:,} values", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping whose keys are distinct texts."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        node.value = [(_key(key), value) for key, value in node.value]
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise _problem(f"{key.value[:60]!r} is given twice", key.start_mark)
            seen.add(key.value)
        return node

    def construct_scalar_value(self, node: yaml.ScalarNode) -> Any:
        """Construct a scalar, and report its line if Python cannot convert it."""
        text = str(self.construct_scalar(node))
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _problem("half a surrogate pair; expected whole characters", node.start_mark)
        if node.tag != _TEXT and len(text) > MAX_DIGITS:
            raise _problem(f"a number of {len(text):,} characters", node.start_mark)
        if node.tag == f"{_TAG}float" and ":" in text:
            raise _problem(f"{text[:60]!r}: expected a decimal number", node.start_mark)
        try:
            return yaml.SafeLoader.yaml_constructors[node.tag](self, node)
        except (ValueError, KeyError, IndexError, OverflowError) as error:
            found = node.tag.removeprefix(_TAG)
            raise _problem(f"{text[:60]!r} cannot be read as {found}", node.start_mark) from error


_Loader.yaml_constructors = {
    **{tag: _Loader.construct_scalar_value for tag in _SCALARS},
    **{f"{_TAG}{name}": yaml.SafeLoader.yaml_constructors[f"{_TAG}{name}"] for name in ("seq", "map")},
    None: yaml.SafeLoader.yaml_constructors[None],
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in patterns if tag.removeprefix(_TAG) not in _UNTYPED]
    for first, patterns in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}int", _INTEGER, list("-+0123456789"))


def _key(key: yaml.Node) -> yaml.ScalarNode:
    """Return a key as its written text."""
    if key.tag == _MERGE and isinstance(key, yaml.ScalarNode):
        return key
    if not isinstance(key, yaml.ScalarNode) or key.tag not in _SCALARS or not key.value.strip():
        raise _problem("expected a key that is text", key.start_mark)
    return yaml.ScalarNode(_TEXT, key.value, key.start_mark, key.end_mark, key.style)


def _check_size(root: yaml.Node) -> None:
    """Count values, with those that aliases repeat, before any is constructed."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise _problem("an alias stands within what it stands for", node.start_mark)
        if id(node) not in sizes:
            open_nodes.add(id(node))
            children = node.value if isinstance(node, yaml.CollectionNode) else ()
            pairs = isinstance(node, yaml.MappingNode)
            sizes[id(node)] = 1 + sum(map(size, chain.from_iterable(children) if pairs else children))
            open_nodes.remove(id(node))
            if sizes[id(node)] > MAX_VALUES:
                raise _problem(f"more than {MAX_VALUES:,} values, with those of aliases", node.start_mark)
        return sizes[id(node)]

    size(root)


def _problem(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, mark)
