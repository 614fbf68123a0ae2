"""``finkd schema``: the JSON schema of a configuration."""

from __future__ import annotations

from finkd.experiments.console.terminal import show_json


def schema() -> None:
    """Print a JSON schema of configurations, with which an editor completes keys and shows what they mean.

    The first line of a configuration then says '# yaml-language-server: $schema=finkd.schema.json'.

    Example: finkd schema > finkd.schema.json
    """
    from finkd.experiments.schema import configuration_schema

    show_json(configuration_schema())
