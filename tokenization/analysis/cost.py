"""What a vocabulary costs: embedding parameters, and the arithmetic that an encoder spends on a word."""

from __future__ import annotations

from dataclasses import dataclass

from finkd.tokenization.analysis.bootstrap import Doubles


@dataclass(frozen=True)
class Encoder:
    """The shape of the encoder that a vocabulary is priced in.

    Attributes:
        parameters: all its weights, embeddings included.
        width: hidden size.
        layers: transformer layers.
        heads: attention heads of a layer.
        intermediate: width of the feed-forward layers.
        positions: longest sequence that it reads, in tokens.
    """

    parameters: int
    width: int
    layers: int
    heads: int
    intermediate: int
    positions: int

    def flops_per_token(self, length: Doubles) -> Doubles:
        """Floating-point operations of one forward pass for each token of a sequence of this many tokens.

        layers * (8 width^2 + 4 width intermediate + 4 length width): four square projections, the two feed-forward
        ones, and the products of queries with keys and of weights with values, at two operations for a multiplication
        with its addition. Embedding look-ups, normalisation, softmax and biases are left out.
        """
        fixed = 8 * self.width**2 + 4 * self.width * self.intermediate
        found: Doubles = self.layers * (fixed + 4.0 * length * self.width)
        return found

    def flops_per_word(self, tokens: Doubles, words: Doubles, texts: Doubles) -> Doubles:
        """The same for each word: tokens per word, special tokens included, at the mean length of a text.

        Args:
            tokens: tokens in total, special tokens included.
            words: words in total.
            texts: texts in total.
        """
        return self.flops_per_token(tokens / texts) * tokens / words

    def embedding_share(self, own_entries: int, entries: int) -> float:
        """Share of the weights that are token embeddings, after the vocabulary has been exchanged.

        Args:
            own_entries: of the encoder's own vocabulary.
            entries: of the one that takes its place.
        """
        rest = self.parameters - own_entries * self.width
        return entries * self.width / (rest + entries * self.width)
