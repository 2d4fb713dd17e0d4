"""Read the results reported in papers from papers/*/paper.toml. Needs neither Keras nor audio.

Metrics are named as in common/evaluation/metrics (`wa`, `ua`, `macro_f1`, `macro_precision`, `macro_recall`), and per
class `precision:<emotion>`, `recall:<emotion>`, `f1:<emotion>`. `cross_entropy` is the loss in nats. `slice_wa` and
`slice_cross_entropy` count slices, not utterances. `share:<name>` is another fraction. `sd:<metric>` is the spread that
a paper prints after "±", taken as the standard deviation over folds, and `sd_repeats:<metric>` as that over repeats of
the cross-validation. Any other name (`parameters`, `parameters:<name>`, ...) is a non-negative number.
"""

import dataclasses
import math
import re
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from common.errors import InputError
from common.utterance import EMOTIONS

PAPERS = Path(__file__).resolve().parents[2] / "papers"

AGGREGATIONS = ("pooled", "fold_mean", "unknown")
RATES = ("wa", "ua", "macro_f1", "macro_precision", "macro_recall", "slice_wa", "share", "precision", "recall", "f1")
WHOLE_PER_CENT = 0.005  # half of one per cent: papers print rates at least this precisely
DERIVED = ("paper", "seeds", "half_digit")  # fields that are not keys of [[published]]
PER_CLASS = ("precision", "recall", "f1")
SECTIONS = {"paper", "stated", "data", "published", "confusion", "contrast", "statement"}
PAPER_KEYS = {"title", "authors", "year", "venue", "doi", "url", "corpus", "classes", "seeds", "decisions"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportedResult:
    """One number of a paper.

    Args:
        paper: folder name below papers/.
        id: unique in the paper and stable; tables join on it.
        variant: our recipe for the system, "" if the number is quoted or belongs to no system of ours. If the text
            allows several readings of a system, the key `also` lists the other recipes, and each gets the number.
        metric: see the module's docstring.
        aggregation: "pooled" adds the folds' counts first, "fold_mean" averages over folds, "unknown" if the paper
            does not state it (most do not).
        part: "train", "valid", "test", or "test:<condition>".
        value: a fraction for rates; in the file also a count such as "11/15".
        half_digit: half a unit of the last digit that the paper prints, 0 for a count.
        corpus: the corpus variant on which it was measured.
        protocol: our protocol that reproduces it.
        rule: decision rule; "" is the paper's own, the first in our records.
        where: table and row, or section, of the paper.
        approximate: the paper gives it as "about".
        headline: the number that the paper is cited for; listed first in comparisons.
        built_to_match: the ledger row by which our reconstruction was chosen to match this number, so that agreement
            is no evidence.
        needs: requirements of a run beside its corpus, for example "ImageNet weights".
        seeds: value of `--seeds` that repeats the run as often as the paper did.
    """

    paper: str
    id: str
    variant: str
    metric: str
    value: float
    half_digit: float = 0.0
    corpus: str
    where: str
    aggregation: str = "unknown"
    part: str = "test"
    protocol: str = "paper"
    rule: str = ""
    note: str = ""
    approximate: bool = False
    headline: bool = False
    built_to_match: str = ""
    needs: str = ""
    seeds: str = "0"

    @property
    def is_rate(self) -> bool:
        """Whether the value is a fraction, printed in per cent."""
        return is_rate(self.metric)


def is_rate(metric) -> bool:
    """Whether a metric's value is a fraction, printed in per cent."""
    return metric.removeprefix("sd:").removeprefix("sd_repeats:").partition(":")[0] in RATES


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confusion:
    """A published confusion matrix: rows are true classes and sum to 1."""

    paper: str
    id: str
    variant: str
    where: str
    classes: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contrast:
    """A comparison registered before the runs: according to the paper, `first` is better than `second`.

    Args:
        paper: folder name below papers/.
        id: unique in the paper.
        first: recipes of the paper; of several, the one with the highest UA.
        second: recipes of the paper, or of another folder as `folder/recipe`; of several, the one with the highest UA.
        where: section of the paper.
        part: "test", or "test:*" for the mean over all noise conditions.
    """

    paper: str
    id: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    where: str
    part: str = "test"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement:
    """A claim in a paper's text, as a direction that can be compared with our results.

    It compares two systems, `first` with `second` in `metric`, or the mean recall of `classes` with that of all other
    classes in one system.
    """

    id: str
    text: str  # the words of the paper
    where: str
    first: str  # variant
    expect: str  # one of DIRECTIONS, for `first`, or for the recall of `classes`
    second: str = ""  # variant
    metric: str = "ua"
    classes: tuple[str, ...] = ()


DIRECTIONS = ("higher", "lower", "not higher")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paper:
    """One folder of papers/. `stated` and `data` are free-form: settings and counts as the paper gives them.

    A method that is not from a paper has no paper.toml, only a name and a title. `decisions` names the table or figure
    in which the paper shows its systems' decisions by emotion; our tables then show the same for our systems.
    """

    name: str
    title: str
    authors: tuple[str, ...] = ()
    corpus: str = ""
    classes: tuple[str, ...] = ()
    year: int | None = None
    venue: str = ""
    doi: str = ""
    url: str = ""
    seeds: str = "0"
    decisions: str = ""
    stated: dict = dataclasses.field(default_factory=dict)
    data: dict = dataclasses.field(default_factory=dict)
    published: tuple[ReportedResult, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    statements: tuple[Statement, ...] = ()


def read(name, papers=PAPERS) -> tuple[ReportedResult, ...]:
    """The reported results of the paper in the folder `name`, in the order of its paper.toml; empty without one."""
    return paper(name, papers).published


def paper(name, papers=PAPERS) -> Paper:
    """The paper in the folder `name`; without a paper.toml, a method with the title of its README."""
    folder = Path(papers, name)
    if (folder / "paper.toml").is_file():
        return read_file(folder / "paper.toml")
    readme = folder / "README.md"
    heading = re.search(r"^# (.+)$", readme.read_text(encoding="utf-8"), re.MULTILINE) if readme.is_file() else None
    return Paper(name=name, title=heading[1] if heading else name)


def read_all(papers=PAPERS) -> list[Paper]:
    """All folders with a paper.toml or a README.md, by name."""
    described = {path.parent.name for file in ("paper.toml", "README.md") for path in Path(papers).glob(f"*/{file}")}
    return [paper(name, papers) for name in sorted(described)]


def read_file(path) -> Paper:
    """Read and check one paper.toml.

    Raises:
        InputError: the file is not TOML, a key is unknown or missing, an id is used twice, or a value is out of range.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        tree, exact = tomllib.loads(text), tomllib.loads(text, parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}") from error
    _known(tree, SECTIONS, {"paper"}, path, "the file")
    head = tree["paper"]
    _known(head, PAPER_KEYS, {"title", "authors", "corpus", "classes"}, path, "[paper]")
    name = path.parent.name
    seeds = head.get("seeds", "0")
    published = tuple(
        _published(name, each, path, seeds) for entry in exact.get("published", ()) for each in _readings(entry, path)
    )
    confusions = tuple(_confusion(name, entry, path) for entry in tree.get("confusion", ()))
    _unique([number.id for number in published], path, "[[published]]")
    _unique([matrix.id for matrix in confusions], path, "[[confusion]]")
    contrasts = tuple(_contrast(name, entry, path) for entry in tree.get("contrast", ()))
    _unique([contrast.id for contrast in contrasts], path, "[[contrast]]")
    statements = tuple(_statement(entry, path) for entry in tree.get("statement", ()))
    _unique([statement.id for statement in statements], path, "[[statement]]")
    return Paper(
        name=name,
        **{key: tuple(value) if isinstance(value, list) else value for key, value in head.items()},
        stated=tree.get("stated", {}),
        data=tree.get("data", {}),
        published=published,
        confusions=confusions,
        contrasts=contrasts,
        statements=statements,
    )


def _readings(entry, path):
    """An entry, and a copy of it for every variant in its key `also`."""
    own, others = {key: value for key, value in entry.items() if key != "also"}, entry.get("also", [])
    if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
        raise InputError(f"{path}, [[published]] {own.get('id')!r}: also = {others!r}; expected a list of recipes")
    return [own, *(own | {"variant": other, "id": f"{own.get('id')}-{other}"} for other in others)]


def _published(paper, entry, path, seeds) -> ReportedResult:
    fields = {f.name: f for f in dataclasses.fields(ReportedResult) if f.name not in DERIVED}
    place = f"[[published]] {entry.get('id', 'without id')!r}"
    required = {name for name, field in fields.items() if field.default is dataclasses.MISSING}
    _known(entry, fields.keys(), required, path, place)
    value, half_digit = _value(entry["value"])
    for key, given in entry.items():
        kind = bool if key in ("approximate", "headline") else str
        if (value is None) if key == "value" else not isinstance(given, kind):
            raise InputError(f"{path}, {place}: {key} = {given!r}; expected {_kind_name(key)}")
    number = ReportedResult(paper=paper, seeds=seeds, **(entry | {"value": value, "half_digit": half_digit}))
    _checked(number, f"{path}, {place}")
    whole_per_cents = number.is_rate and half_digit > WHOLE_PER_CENT  # 0.5 in the file may be 50 %
    return dataclasses.replace(number, half_digit=WHOLE_PER_CENT) if whole_per_cents else number


def _value(given) -> tuple[float | None, float]:
    """(value, half a unit of its last digit); (None, 0) if it is not a number."""
    if isinstance(given, str) and re.fullmatch(r"\d+/[1-9]\d*", given):
        return float(Fraction(given)), 0.0
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        return None, 0.0
    exponent = Decimal(given).as_tuple().exponent
    return float(given), 0.5 * 10.0**exponent if isinstance(given, Decimal) and isinstance(exponent, int) else 0.0


def _kind_name(key):
    known = {
        "value": 'a number, or a count such as "11/15"',
        "approximate": "true or false",
        "headline": "true or false",
    }
    return known.get(key, "a text in quotes")


def _checked(number, place):
    """Raise InputError for a value out of range or an unknown name."""
    if not number.id or not re.fullmatch(r"[\w.+-]+", number.id):
        raise InputError(f"{place}: id = {number.id!r}; expected letters, digits, '.', '+', '-' and '_'")
    if number.aggregation not in AGGREGATIONS:
        raise InputError(f"{place}: aggregation = {number.aggregation!r}; expected one of {', '.join(AGGREGATIONS)}")
    if not re.fullmatch(r"train|valid|test(:.+)?", number.part):
        raise InputError(f"{place}: part = {number.part!r}; expected train, valid, test or test:<condition>")
    base, colon, which = number.metric.partition(":")
    if not re.fullmatch(r"[a-z]\w*", base) or (colon and not which):
        raise InputError(f"{place}: metric = {number.metric!r}; expected a name such as ua or recall:anger")
    if base in PER_CLASS and which not in EMOTIONS:
        raise InputError(f"{place}: metric = {number.metric!r}; expected {base}:<one of {', '.join(EMOTIONS)}>")
    if not math.isfinite(number.value) or number.value < 0:
        raise InputError(f"{place}: value = {number.value}; expected a finite number, 0 or above")
    if number.is_rate and number.value > 1:
        raise InputError(
            f"{place}: value = {number.value} for the rate {number.metric}; expected a fraction, "
            f"{number.value / 100:g} if per cent was meant"
        )


def _confusion(paper, entry, path) -> Confusion:
    place = f"[[confusion]] {entry.get('id', 'without id')!r}"
    required = {"id", "variant", "where", "classes", "rows"}
    _known(entry, required | {"note"}, required, path, place)
    classes, rows = tuple(entry["classes"]), tuple(tuple(row) for row in entry["rows"])
    if len(rows) != len(classes) or any(len(row) != len(classes) for row in rows):
        raise InputError(f"{path}, {place}: {len(rows)} rows for {len(classes)} classes; expected a square")
    for name, row in zip(classes, rows, strict=True):
        if any(not 0 <= cell <= 1 for cell in row) or not 0.98 <= sum(row) <= 1.02:  # papers round each cell
            raise InputError(f"{path}, {place}: row {name} is {list(row)}; expected fractions that sum to 1")
    return Confusion(paper=paper, **(entry | {"classes": classes, "rows": rows}))


def _contrast(paper, entry, path) -> Contrast:
    place = f"[[contrast]] {entry.get('id', 'without id')!r}"
    _known(entry, {"id", "first", "second", "where", "part"}, {"id", "first", "second", "where"}, path, place)
    for side in ("first", "second"):
        if not isinstance(entry[side], list) or not entry[side] or not all(isinstance(n, str) for n in entry[side]):
            raise InputError(f"{path}, {place}: {side} = {entry[side]!r}; expected a list of recipes")
    return Contrast(paper=paper, **(entry | {side: tuple(entry[side]) for side in ("first", "second")}))


def _statement(entry, path) -> Statement:
    place = f"[[statement]] {entry.get('id', 'without id')!r}"
    fields = {f.name: f for f in dataclasses.fields(Statement)}
    required = {name for name, field in fields.items() if field.default is dataclasses.MISSING}
    _known(entry, fields.keys(), required, path, place)
    if entry["expect"] not in DIRECTIONS:
        raise InputError(f"{path}, {place}: expect = {entry['expect']!r}; expected one of {', '.join(DIRECTIONS)}")
    if ("second" in entry) == ("classes" in entry):
        raise InputError(f"{path}, {place}: expected either second (the other system) or classes (of one system)")
    if unknown := sorted(set(entry.get("classes", ())) - set(EMOTIONS)):
        raise InputError(f"{path}, {place}: classes has {', '.join(unknown)}; expected some of {', '.join(EMOTIONS)}")
    return Statement(**(entry | {"classes": tuple(entry.get("classes", ()))}))


def _known(table, allowed, required, path, place):
    if unknown := sorted(table.keys() - set(allowed)):
        raise InputError(f"{path}, {place}: unknown key {', '.join(unknown)}; expected {', '.join(sorted(allowed))}")
    if missing := sorted(set(required) - table.keys()):
        raise InputError(f"{path}, {place}: {', '.join(missing)} is missing")


def _unique(ids, path, place):
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise InputError(f"{path}, {place}: id {', '.join(twice)} is used twice; ids must be unique")
