"""The rooms and their arrows, the ledgers, and the size of functions and rooms: read from the source, nothing imported.

`python tests/test_architecture.py` prints rooms, arrows and circles; with a folder, those of another checkout.
"""

import ast
import collections
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAPERS = sorted(path.parent for path in (ROOT / "papers").glob("*/paper.toml"))
LAYERS = ("common", "papers", "experiments")
KERAS = {"keras", "tensorflow", "jax"}
FINDERS = {"import_module", "find_spec", "__import__"}  # functions that take the name of a module as text
LONGEST_FUNCTION = 60
MOST_FILES = 16  # of a room, its __init__ apart

COMMON = {"common", "common.corpora", "common.folds", "common.features", "common.learning", "common.evaluation"}
GROUND = COMMON | {"experiments", "experiments.catalog", "experiments.evaluation", "experiments.evidence"}
MIDDLE = GROUND | {"experiments.tables", "experiments.saved_models", "experiments.export"}
UPPER = MIDDLE | {"experiments.runs", "experiments.listening", "experiments.report"}
MAY_USE = {  # room -> the rooms below it; whatever is not listed is forbidden, neighbours included
    "common": set(),
    "common.features": {"common"},
    "common.corpora": {"common", "common.features"},
    "common.folds": {"common", "common.corpora", "common.features"},
    "common.evaluation": {"common"},
    "common.learning": {"common", "common.evaluation"},
    "papers": COMMON,
    "experiments": COMMON,  # its __init__ alone, which every module below it runs
    "experiments.catalog": COMMON | {"papers", "experiments"},
    "experiments.evaluation": COMMON | {"experiments"},
    "experiments.evidence": COMMON | {"experiments"},
    "experiments.results": COMMON | {"experiments", "experiments.evaluation"},  # for Python users, no room uses it
    "experiments.tables": GROUND,
    "experiments.saved_models": GROUND,
    "experiments.export": GROUND,
    "experiments.runs": MIDDLE,
    "experiments.listening": MIDDLE,
    "experiments.report": MIDDLE,
    "experiments.benchmark": UPPER,
    "experiments.cli": UPPER | {"experiments.benchmark"},
    "experiments.__main__": {"common", "experiments", "experiments.cli"},
}
MOST_NAMES = 5  # that a room hands on


def modules_of(root):
    """Dotted name -> file, of every module in the three layers."""
    files = [path for layer in LAYERS for path in sorted((root / layer).rglob("*.py"))]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imported(path, module):
    """Dotted names that a file imports, at its top or in a function: relative ones and those named by text included.

    Of `importlib.import_module(f"papers.{name}.model")` the name is `papers.{}`.
    """
    parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            function = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if function in FINDERS and (name := _text(node.args[0])):
                yield name


def _text(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return f"{node.values[0].value}{{}}"
    return None


def arrows(root):
    """{(importing module, imported module)} between modules of this project; a package stands for its `__init__`."""
    modules, edges = modules_of(root), set()
    for module, path in modules.items():
        for name in imported(path, module):
            target = next((n for n in _prefixes(name) if n in modules), None)
            if name.endswith("{}"):
                target = name
            if target and target != module and target.split(".")[0] in LAYERS:
                edges.add((module, target))
    return edges


def _prefixes(name):
    parts = name.split(".")
    return (".".join(parts[:size]) for size in range(len(parts), 0, -1))


def room(module):
    """`common.folds.splits` -> `common.folds`; a paper is a room, the files at the top of a layer are one."""
    layer, *rest = module.split(".")
    if layer == "papers":
        return f"papers.{rest[0]}" if rest else "papers"
    if rest and rest[0] in ("catalog", "results", "__main__"):
        return f"{layer}.{rest[0]}"
    if len(rest) > 1 or module in MAY_USE:
        return f"{layer}.{rest[0]}" if rest else layer
    return layer


def is_allowed(module, target):
    here, there = room(module), room(target)
    if here == there:
        return True
    layer = {"papers": "papers"}.get(here.split(".")[0], here)
    other = "papers" if there.split(".")[0] == "papers" else there
    if layer == other == "papers":  # one paper and another
        return False
    return other in MAY_USE.get(layer, ())


def violations(root):
    return sorted(f"{module} -> {target}" for module, target in arrows(root) if not is_allowed(module, target))


def circles(edges):
    """Sets of two nodes or more that reach each other."""
    after = collections.defaultdict(set)
    for one, other in edges:
        after[one].add(other)

    def reached(start):
        seen, waiting = set(), [start]
        while waiting:
            for node in after[waiting.pop()] - seen:
                seen.add(node)
                waiting.append(node)
        return frozenset(seen)

    reach = {node: reached(node) for node in {node for edge in edges for node in edge}}
    groups = {frozenset(n for n in reach[node] if node in reach[n]) for node in reach if node in reach[node]}
    return sorted(sorted(members) for members in groups if len(members) > 1)


def room_arrows(edges):
    return {(room(one), room(other)) for one, other in edges if room(one) != room(other)}


def doors(root):
    """Room -> the names in its `__all__`, of every package that others import from."""
    modules = modules_of(root)
    names = {}
    for name in MAY_USE.keys() - {"common", "papers", "experiments"}:
        if name in modules and modules[name].name == "__init__.py":
            tree = ast.parse(modules[name].read_text(encoding="utf-8"))
            listed = [n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "__all__"]
            names[name] = set(ast.literal_eval(listed[0])) if listed else set()
    return names


def past_the_door(root):
    """`module: name` of every import from another room that the room does not hand on."""
    handed = doors(root)
    for module, path in modules_of(root).items():
        for name in imported(path, module):
            for there, names in handed.items():
                if name.startswith(f"{there}.") and room(module) != there:
                    if name.removeprefix(f"{there}.").split(".")[0] not in names:
                        yield f"{module}: {name}"


def long_functions(root):
    """Function -> its lines, where they are too many."""
    lengths = {}
    for path in (path for layer in (*LAYERS, "tests") for path in sorted((root / layer).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if (lines := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
                    lengths[f"{path.relative_to(root)}: {node.name}"] = lines
    return lengths


def test_every_arrow_is_in_the_table():
    assert violations(ROOT) == []


def test_other_rooms_use_what_a_room_hands_on():
    assert sorted(past_the_door(ROOT)) == []


def test_an_import_past_the_door_is_seen(tmp_path):
    for name, text in {"tables/__init__": "__all__ = ['formats']", "tables/layout": "", "report/page": ""}.items():
        path = tmp_path / "experiments" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "experiments/report/page.py").write_text("from experiments.tables import formats, layout")
    assert list(past_the_door(tmp_path)) == ["experiments.report.page: experiments.tables.layout"]


def test_doors_are_narrow():
    assert {name: len(names) for name, names in doors(ROOT).items() if len(names) > MOST_NAMES} == {}


VAGUE = {"found", "made", "told", "what"}  # names of variables that do not say what they hold


def test_variables_say_what_they_hold():
    vague = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for layer in (*LAYERS, "tests")
        for path in sorted((ROOT / layer).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE)
        or (isinstance(node, ast.arg) and node.arg in VAGUE)
    ]
    assert vague == []


def test_every_room_is_in_the_table():
    rooms = {room(module) for module in modules_of(ROOT)}
    assert {name for name in rooms if not name.startswith("papers")} == MAY_USE.keys() - {"papers"}
    assert {f"papers.{paper.name}" for paper in PAPERS} <= rooms


def test_rooms_are_in_no_circle():
    assert circles(room_arrows(arrows(ROOT))) == []


def test_modules_are_in_no_circle():
    edges = {(one, other) for one, other in arrows(ROOT) if not one.startswith(f"{other}.")}  # a door has its files
    edges = {(one, other) for one, other in edges if not other.startswith(f"{one}.")}
    assert circles(edges) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("common/errors.py", "from papers.lim2016 import model"),
        ("common/errors.py", "import experiments.catalog"),
        ("common/evaluation/metrics.py", "def f():\n    from common.learning import training"),
        ("common/evaluation/metrics.py", "from ..learning import training"),
        ("papers/ma2018/model.py", "from papers.satt2017 import model"),
        ("papers/ma2018/model.py", "from ..satt2017 import model"),
        ("papers/ma2018/model.py", "from experiments import catalog"),
        ("experiments/runs/jobs.py", "from experiments.report import html_page"),
        ("experiments/runs/jobs.py", "import importlib\nimportlib.import_module('papers.satt2017.model')"),
        ("experiments/runs/jobs.py", "import importlib\nimportlib.import_module(f'papers.{name}.model')"),
        ("experiments/evaluation/scores.py", "from ..tables import formats"),
    ],
)
def test_a_wrong_arrow_is_seen(tmp_path, file, line):
    targets = ("papers/lim2016/model", "papers/satt2017/model", "common/learning/training", "experiments/catalog")
    for name in (*targets, "experiments/report/html_page", "experiments/tables/formats"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.py").write_text("")
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert len(violations(tmp_path)) == 1


def test_a_circle_is_seen():
    assert circles({("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")}) == [["b", "c"]]


def test_keras_is_imported_in_one_room_of_common():
    importing = {
        room(module)
        for module, path in modules_of(ROOT).items()
        if module.startswith("common") and {name.split(".")[0] for name in imported(path, module)} & KERAS
    }
    assert importing == {"common.learning"}


def test_functions_are_short():
    assert long_functions(ROOT) == {}


def test_rooms_are_small():
    files = collections.Counter(room(m) for m, path in modules_of(ROOT).items() if path.name != "__init__.py")
    assert {name: count for name, count in files.items() if count > MOST_FILES} == {}


@pytest.mark.parametrize("name", sorted(doors(ROOT)))
def test_a_room_says_what_it_is_for(name):
    """Its docstring has two parts: its purpose, and what it may import."""
    path = ROOT / name.replace(".", "/") / "__init__.py"
    purpose, imports = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split("\n\n")[:2]
    assert purpose.endswith(".") and imports.startswith("May import ")


def ledger(paper):
    """(id, kind, text) of every deviation that a README lists."""
    text = (paper / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Deviations\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (D\d+)\. (.+) \((\w+)\)$", section, flags=re.MULTILINE)[1:]
    return list(zip(parts[::4], parts[2::4], parts[3::4], strict=True))


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_deviation_in_the_code_is_in_the_ledger_and_the_other_way_round(paper):
    names = [name for name, _, _ in ledger(paper)]
    assert names and len(names) == len(set(names))
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(paper.glob("*.py")))
    marks = set(re.findall(r"\bD\d+\b", source))
    shared = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "common").rglob("*.py")))
    marks |= set(re.findall(rf"\b(D\d+) of papers/{paper.name}\b", shared))
    assert marks == set(names)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_a_deviation_names_its_kind_both_choices_and_the_reason(paper):
    for name, kind, text in ledger(paper):
        assert kind in {"silent", "ambiguous", "impossible", "chosen"}, name
        assert re.search(r"^\*(Paper|Usual):\* .+ \*We:\* .+ \*Why:\* .+", " ".join(text.split())), name


def show(root):
    """Print the house: rooms, arrows and circles, between rooms and between modules."""
    edges = arrows(root)
    between = room_arrows(edges)
    files = collections.Counter(room(module) for module in modules_of(root))
    for layer in (*LAYERS, "experiments alone"):
        inside = [e for e in edges if all(m.split(".")[0] == layer.split()[0] for m in e)] if " " in layer else []
        if inside:
            of_rooms = room_arrows(inside)
            print(f"{layer}: {len(of_rooms)} arrows between rooms, {len(circles(of_rooms))} circles;", end=" ")
            print(f"{len(inside)} arrows between modules, {len(circles(inside))} circles")
    print(f"rooms: {len(files)}; arrows between them: {len(between)}; circles: {circles(between) or 'none'}")
    print(f"modules: {sum(files.values())}; arrows between them: {len(edges)}; circles: {circles(edges) or 'none'}")
    for name, count in sorted(files.items()):
        used = sorted(other for one, other in between if one == name)
        print(f"  {name} ({count} files) -> {', '.join(used) or 'nothing'}")
    print(f"functions over {LONGEST_FUNCTION} lines: {len(long_functions(root))}")
    print(f"arrows that the table forbids: {len(violations(root))}")
    for line in violations(root):
        print(f"  {line}")


if __name__ == "__main__":
    show(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
