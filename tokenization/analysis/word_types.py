"""Types of words: shapes by case, digits and signs; numbers as amounts, percentages, dates and tickers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finkd.tokenization.analysis.batch import TextBatch
from finkd.tokenization.analysis.words import CURRENCY, DIGIT, LETTER, LOWER, MARK, UPPER, Bools
from finkd.tokenization.tokens import Longs

SHAPES = ("lower case", "Capitalised", "ALL CAPITALS", "mIxed or with digits", "caseless script", "number", "sign")
_LOWER, _CAPITALISED, _CAPITALS, _MIXED, _CASELESS, _NUMBER, _SIGN = range(len(SHAPES))


def shapes(batch: TextBatch) -> Longs:
    """Return the (words,) index into ``SHAPES`` of each word of a batch.

    A single capital counts as capitalised. Letters with digits are mixed; digits without letters are a number, whatever
    signs stand between them; a word with neither is a sign.
    """
    upper, lower, caseless, digits = (
        _count(batch.kinds == kind, batch.starts, batch.ends) for kind in (UPPER, LOWER, LETTER, DIGIT)
    )
    letters = upper + lower + caseless
    starts_upper = batch.kinds[batch.starts] == UPPER
    conditions = (
        (letters == 0) & (digits > 0),
        letters == 0,
        digits > 0,
        upper + lower == 0,
        upper == 0,
        starts_upper & (upper == 1),
        lower == 0,
    )
    choices = (_NUMBER, _SIGN, _MIXED, _CASELESS, _LOWER, _CAPITALISED, _CAPITALS)
    return np.select(conditions, choices, _MIXED).astype(np.int64)


def spelled(batch: TextBatch) -> Bools:
    """Flag the (words,) that are letters and their marks alone: no numbers, addresses or apostrophes."""
    letters = _count(np.isin(batch.kinds, (UPPER, LOWER, LETTER, MARK)), batch.starts, batch.ends)
    found: Bools = letters == batch.ends - batch.starts
    return found


def _count(flags: Bools, starts: Longs, ends: Longs) -> Longs:
    """Return the (words,) number of flagged characters of each word."""
    running = np.concatenate(([0], np.cumsum(flags, dtype=np.int32)))
    return running[ends] - running[starts]


NUMBERS = ("plain number", "amount", "percentage", "date", "ticker")
_PLAIN, _AMOUNT, _PERCENTAGE, _DATE, _TICKER = range(len(NUMBERS))

_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTHS = frozenset(name for month in _MONTH_NAMES for name in (month, month[:3], month.upper(), month[:3].upper()))
_CURRENCY_CODES = frozenset(
    ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "CNY", "HKD", "SGD", "SEK", "NOK", "DKK", "INR", "BRL", "KRW")
)
_EXCHANGES = frozenset(
    ("NYSE", "NASDAQ", "Nasdaq", "AMEX", "LSE", "TSX", "TSXV", "OTC", "OTCQB", "OTCQX", "ASX", "HKEX", "XETRA", "SIX")
)
_LONGEST_TICKER = 5


@dataclass(frozen=True)
class Spans:
    """Stretches of text that hold a number.

    Attributes:
        starts: (spans,) first character, in the batch's coordinate.
        ends: (spans,) character after the last one.
        groups: (spans,) index into ``NUMBERS``.
    """

    starts: Longs
    ends: Longs
    groups: Longs


def find(batch: TextBatch) -> Spans:
    """Find the numbers of a batch, each character in one at most.

    - date: ``3/31/1999``, ``1999-03-31``, or a month by name with a day, a year or both;
    - percentage: a number and ``%`` or ``percent``;
    - amount: a currency sign or code and a number;
    - ticker: up to five capitals behind ``$``, or behind an exchange and a colon (``NYSE: ABC``). Other words in
      capitals cannot be told from acronyms;
    - plain number: what is left of the words that start with a digit and hold no letter.

    Earlier kinds of this list have precedence over later ones.
    """
    words = _Words(batch)
    if not words.count:
        return Spans(*(np.zeros(0, np.int64) for _ in range(3)))
    plain, taken = np.flatnonzero(words.number), np.zeros(words.count, np.bool_)
    found: list[tuple[Longs, Longs, int]] = []
    for group, first, last in (
        (_DATE, *_written_dates(words)),
        (_DATE, *_month_dates(words)),
        (_PERCENTAGE, *_percentages(words)),
        (_AMOUNT, *_amounts(words)),
        (_TICKER, *_tickers(words)),
        (_PLAIN, plain, plain),
    ):
        free = ~(taken[first] | taken[last])
        first, last = first[free], last[free]
        found.append((words.starts[first], words.ends[last], group))
        steps = np.zeros(words.count + 1, np.int32)
        np.add.at(steps, first, 1)
        np.add.at(steps, last + 1, -1)
        taken |= np.cumsum(steps)[:-1] > 0
    groups = np.concatenate([np.full(len(starts), group, np.int64) for starts, _, group in found])
    return Spans(np.concatenate([s for s, _, _ in found]), np.concatenate([e for _, e, _ in found]), groups)


class _Words:
    """The words of a batch with what tells numbers from them."""

    def __init__(self, batch: TextBatch) -> None:
        self.batch = batch
        self.starts, self.ends = batch.runs
        self.count = len(self.starts)
        self.lengths = self.ends - self.starts
        self.first = batch.points[self.starts]
        self.kind = batch.kinds[self.starts]
        gap = self.starts[1:] - self.ends[:-1]
        spaced = (gap == 1) & np.isin(batch.points[self.ends[:-1]], (0x20, 0xA0))
        self.joined = gap == 0
        self.near = self.joined | spaced

    @cached_property
    def number(self) -> Bools:
        """(words,) True for digits with nothing but signs between them."""
        found: Bools = (self.kind == DIGIT) & (self._holding((UPPER, LOWER, LETTER)) == 0)
        return found

    @cached_property
    def digits(self) -> Longs:
        """(words,) length of words that are digits alone, 0 for others."""
        alone = self.number & (self._holding((DIGIT,)) == self.lengths)
        return np.where(alone, self.lengths, 0)

    @cached_property
    def capitals(self) -> Bools:
        """(words,) True for words of one to five capitals, such as a ticker has."""
        short = (self.kind == UPPER) & (self.lengths <= _LONGEST_TICKER)
        found: Bools = short & (self._holding((UPPER,)) == self.lengths)
        return found

    def _holding(self, wanted: tuple[int, ...]) -> Longs:
        return _count(np.isin(self.batch.kinds, wanted), self.starts, self.ends)

    def sign(self, signs: str) -> Bools:
        """Return the (words,) True for words that are one of these characters."""
        found: Bools = (self.lengths == 1) & np.isin(self.first, [ord(sign) for sign in signs])
        return found

    def among(self, candidates: Longs, names: frozenset[str]) -> Longs:
        """Return the candidates that are spelled like one of the names."""
        joined, starts, ends = self.batch.joined, self.starts[candidates], self.ends[candidates]
        spelled = [joined[start:end] in names for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return candidates[np.array(spelled, np.bool_)]


def _percentages(words: _Words) -> tuple[Longs, Longs]:
    pairs = words.number[:-1] & words.near
    signs = np.flatnonzero(pairs & words.sign("%")[1:]) + 1
    spelled = pairs & (words.lengths[1:] == len("percent")) & (words.first[1:] == ord("p"))
    behind = np.concatenate((signs, words.among(np.flatnonzero(spelled) + 1, frozenset({"percent"}))))
    return behind - 1, behind


def _amounts(words: _Words) -> tuple[Longs, Longs]:
    pairs = words.number[1:] & words.near
    signs = np.flatnonzero(pairs & (words.kind == CURRENCY)[:-1])
    spelled = np.flatnonzero(pairs & words.capitals[:-1] & (words.lengths[:-1] == 3))
    before = np.concatenate((signs, words.among(spelled, _CURRENCY_CODES)))
    return before, before + 1


def _tickers(words: _Words) -> tuple[Longs, Longs]:
    cash = np.flatnonzero(words.sign("$")[:-1] & words.joined & words.capitals[1:])
    colon = np.flatnonzero(words.sign(":")[1:-1] & words.near[:-1] & words.near[1:] & words.capitals[2:])
    listed = words.among(colon, _EXCHANGES) + 2
    return np.concatenate((cash, listed)), np.concatenate((cash + 1, listed))


def _written_dates(words: _Words) -> tuple[Longs, Longs]:
    """Find three runs of digits between two equal signs, with the lengths of day, month and year."""
    slash, dash, digits = words.sign("/"), words.sign("-"), words.digits
    separated = (slash[1:-3] & slash[3:-1]) | (dash[1:-3] & dash[3:-1])
    touching = words.joined[:-3] & words.joined[1:-2] & words.joined[2:-1] & words.joined[3:]
    one, two, three = digits[:-4], digits[2:-2], digits[4:]
    short = (two > 0) & (two <= 2)
    day_first = (one > 0) & (one <= 2) & ((three == 2) | (three == 4))
    year_first = (one == 4) & (three > 0) & (three <= 2)
    first = np.flatnonzero(separated & touching & short & (day_first | year_first))
    return first, first + 4


def _month_dates(words: _Words) -> tuple[Longs, Longs]:
    """Find ``March 31, 1999``, ``31 March 1999``, ``March 1999``, ``March 31``."""
    digits = np.concatenate((words.digits, np.zeros(4, np.int64)))
    near = np.concatenate((words.near, np.zeros(4, np.bool_)))
    comma = np.concatenate((words.sign(","), np.zeros(4, np.bool_)))
    capital = (words.kind == UPPER) & (words.lengths >= 3) & (words.lengths <= len("September"))
    behind = near[: words.count] & np.isin(digits[1 : words.count + 1], (1, 2, 4))
    before = np.concatenate(([False], words.near)) & np.isin(np.concatenate(([0], words.digits[:-1])), (1, 2))
    month = words.among(np.flatnonzero(capital & (behind | before)), _MONTHS)
    day = near[month] & np.isin(digits[month + 1], (1, 2))
    year = near[month] & (digits[month + 1] == 4)
    with_comma = day & near[month + 1] & comma[month + 2] & near[month + 2] & (digits[month + 3] == 4)
    without = day & near[month + 1] & (digits[month + 2] == 4)
    last = month + np.select((with_comma, without, day | year), (3, 2, 1), 0)
    return month - (before[month] & ~day), last
