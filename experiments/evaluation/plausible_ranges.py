"""Plausible ranges of metrics (plausible_ranges.toml): a value far outside suggests a bug or a leak."""

import dataclasses
import functools
import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("plausible_ranges.toml")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlausibleRange:
    """A plausible range as fractions; `bug_below` and `leak_above` are None if unknown.

    `also` names copies of the corpus with truncated recordings and the same classes, for which it is an approximation.
    """

    corpus: str
    also: tuple[str, ...] = ()
    protocols: tuple[str, ...]
    metric: str
    low: float
    high: float
    bug_below: float | None = None
    leak_above: float | None = None
    source: str

    def flag(self, value) -> str:
        """The position of a value relative to the range.

        >>> known = {"corpus": "emodb", "protocols": (), "metric": "ua", "source": ""}
        >>> PlausibleRange(low=0.6, high=0.83, leak_above=0.88, **known).flag(0.9)
        'above 88: a leak?'
        """
        if self.bug_below is not None and value < self.bug_below:
            return f"below {100 * self.bug_below:g}: a bug?"
        if self.leak_above is not None and value > self.leak_above:
            return f"above {100 * self.leak_above:g}: a leak?"
        if value < self.low:
            return "below the band"
        return "above the band" if value > self.high else "in the band"

    def in_words(self, value, corpus_variant) -> str:
        """`UA 40–65: in the band`, with the range's corpus if ours is a truncated copy of it."""
        words = f"{self.metric.upper()} {100 * self.low:g}–{100 * self.high:g}"
        words += f" on {self.corpus}" if self.corpus != corpus_variant else ""
        return words if value is None else f"{words}: {self.flag(value)}"


@functools.cache
def all_ranges(file=FILE) -> tuple[PlausibleRange, ...]:
    entries = tomllib.loads(Path(file).read_text(encoding="utf-8"))["band"]
    lists = ("also", "protocols")
    return tuple(PlausibleRange(**{k: tuple(v) if k in lists else v for k, v in entry.items()}) for entry in entries)


def range_of(system, metric) -> PlausibleRange | None:
    """The plausible range of a metric for a system's corpus variant and protocol; None if unknown."""
    names = {system.protocol, f"{system.paper}:{system.protocol}"} - {"paper"}
    of_metric = (b for b in all_ranges() if b.metric == metric and names & set(b.protocols))
    return next((b for b in of_metric if system.corpus_variant in (b.corpus, *b.also)), None)
