"""A card of the page: a question, its answer, and how it stands against a limit."""

from __future__ import annotations

from dataclasses import dataclass

CLOSE_K = 10.0  # a margin smaller than this is worth a look
FULL_SHARE = 0.8  # so is a service that carries more of its rating than a continuous load may


@dataclass(frozen=True)
class Answer:
    """A card: the question, the figure, what it means; state is good, watch, bad or plain, `said` its own word."""

    question: str
    figure: str
    detail: str
    state: str
    said: str = ""

    @property
    def word(self) -> str:
        """The state in a word, so that colour is not the only cue."""
        return self.said or {"good": "within", "watch": "look", "bad": "over", "plain": ""}[self.state]
