"""What is written around a dialogue to have it summarized."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.dialogues import Dialogue


@dataclass(frozen=True)
class Prompt:
    """What is written around a dialogue.

    Attributes:
        template: text with ``{dialogue}``, and perhaps an example in ``{example_dialogue}`` and ``{example_summary}``.
        example: a dialogue of the training split to show how.
    """

    template: str
    example: Dialogue | None = None

    @classmethod
    def named(cls, name: str, example: Dialogue | None = None) -> Prompt:
        """One of finkd's, or a user's file.

        Raises:
            ConfigError: if there is no such prompt, or it has no place for the dialogue.
        """
        own = resources.files("finkd.suites.summaries") / "prompts" / f"{name}.txt"
        path = Path(name)
        if not own.is_file() and not path.is_file():
            raise ConfigError(f"prompt: there is neither a prompt nor a file {name!r}")
        text = (own if own.is_file() else path).read_text(encoding="utf-8").rstrip("\n")
        if "{dialogue}" not in text:
            raise ConfigError(f"prompt {name}: has no {{dialogue}} in it")
        return cls(text, example if "{example_dialogue}" in text else None)

    def of(self, dialogue: str) -> str:
        """The prompt for a dialogue."""
        text = self.template
        if self.example is not None:
            text = text.replace("{example_dialogue}", self.example.text)
            text = text.replace("{example_summary}", self.example.summaries[0])
        return text.replace("{dialogue}", dialogue)
