"""Ways in which records and the descriptions of saved systems are damaged: named, and never valid."""

import copy
import json

NAN, INF = float("nan"), float("inf")
TEXT = [None, True, 1, [], {}]
NAME = [*TEXT, "", "..", "../x", "/etc", "a/b", "a\\b", "a\nb", "a\u202eb", "x" * 300]
COUNT = [True, -1, 0.5, 10**30, "1", [], {}, NAN, INF]
NUMBER = [True, "1", [], {}, NAN, INF]
SHARE = [*NUMBER, None, -0.1, 1.1]
TEXTS = [None, "x", {}, [1], [None], [["x"]]]
TREE = [None, True, 1, "x", [], [{}]]
DEEP = 5000


def levels(number):
    """A dict in a dict in a dict."""
    tree = {}
    for _ in range(number):
        tree = {"x": tree}
    return tree


DESCRIPTION = {  # path -> values that no record can have there; * is any name
    "schema": [*COUNT, None, 0],
    "paper": NAME,
    "variant": NAME,
    "preset": [*NAME, "a-b"],
    "corpus": [*TEXT, "", "other", "a\nb"],
    "corpus_variant": [*TEXT, "", "other"],
    "synthetic": [None, 1, "false", [], "true"],
    "limits": TEXT,
    "protocol": NAME,
    "seed": [*COUNT, None, 2**32],
    "fold": [*NAME, "fold_0", "fold_99", "fold_01", "fold_1 (conflicted copy)", "train"],
    "num_folds": [*COUNT, None, 0],
    "notes": TEXTS,
    "classes": [*TEXTS, [], ["anger", "anger"], ["sadness", "anger"], [""], ["a\nb", "b"]],
    "counts": [*TREE, {}, {"x": {}}],
    "counts.*": [*TREE, {"joy": 1}],
    "counts.*.*": [*COUNT, None],
    "recipe": [*TREE, levels(30), {"corpus": 1}, {"front_end": 1}, {"test_front_ends": [1]}, {"test_front_ends": 1}],
    "best_epoch": COUNT,
    "regularisation": [*NUMBER, None],
    "corpus_fingerprint": TEXT,
    "fold_fingerprint": TEXT,
    "environment": [*TREE, {"threads": []}, {"threads": "x"}, {"processor": 1}],
    "cost": [*TREE, {}],
    "cost.seconds_fit": [*NUMBER, None, -1],
    "cost.peak_memory_mib": [*NUMBER, -1],
    "cost.parameters": [*COUNT, None],
}
RECORD = DESCRIPTION | {
    "counts.*.*": [*COUNT, None, 4711],
    "parts": [*TREE, {}, {"x": {}}],
    "parts.*": [*TREE, {}],
    "parts.*.utterances": [*TEXTS, [], ["a"] * 2],
    "parts.*.speakers": [*TEXTS, []],
    "parts.*.labels": [None, "x", {}, [], [-1], [0.5], ["0"], [None], [True], [10**30], [99]],
    "parts.*.scores": [*TREE, {}, {"mean": [[]]}, {"mean": 1}, {"mean": [["x"]]}, {"mean": [[NAN]]}, {"x": [[1e300]]}],
    "parts.*.confusion": [None, 1, "x", {}, [], [[]], [[1]], [[-1]], [[0.5]]],
    "parts.*.cross_entropy": NUMBER,
    "history": [None, 1, "x", [], {"loss": 1}, {"loss": [None]}, {"loss": ["x"]}, {"loss": [NAN]}, {"loss": [[1.0]]}],
    "networks": [None, 1, "x", [], {"x": 1}, {"x": {}}],
    "networks.*": [*TREE, {}],
    "networks.*.epochs": [*COUNT, None, 0],
    "networks.*.kept": [*COUNT, None, 4711],
    "networks.*.stopped_by": [*TEXT, "x"],
    "networks.*.patience": COUNT,
    "networks.*.loss": [*NUMBER, None],
    "networks.*.ua": SHARE,
    "networks.*.largest_share": SHARE,
    "networks.*.num_classes": [*COUNT, None],
}
MAY_LACK = {"networks", "networks.*"}  # older than the field; a system with one network less


def paths(tree, pattern):
    """The keys that a pattern of names and stars means in nested dicts."""
    places = [()]
    for name in pattern.split("."):
        places = [(*path, key) for path in places for key in _at(tree, path) if name in ("*", key)]
    return places


def _at(tree, path):
    for name in path:
        tree = tree[name]
    return tree


def changed(tree, path, change):
    """A copy of a tree after `change(parent, key)` of what is at a path."""
    tree = copy.deepcopy(tree)
    change(_at(tree, path[:-1]), path[-1])
    return tree


def _rename(parent, key):
    parent[f"{key}_"] = parent.pop(key)


def of_fields(tree, wrong, may_lack=MAY_LACK):
    """(name, tree) with each field dropped, renamed, and with each of its wrong values."""
    for pattern, values in wrong.items():
        for path in paths(tree, pattern):
            name = ".".join(path)
            if pattern not in may_lack:
                yield f"drop {name}", changed(tree, path, lambda parent, key: parent.pop(key))
            if pattern != "networks.*":
                yield f"rename {name}", changed(tree, path, _rename)
            for value in values:
                shown = ascii(value)[:40]
                yield f"{name} = {shown}", changed(tree, path, lambda parent, key, v=value: parent.update({key: v}))


def of_bytes(tree, rng):
    """(name, bytes) of a file that was cut, overwritten, or stored in another encoding."""
    content = json.dumps(tree).encode()
    for size in sorted(rng.sample(range(len(content) - 1), 8)):
        yield f"cut at {size}", content[:size]
    for place in rng.sample(range(1, len(content)), 4):
        yield f"zeros at {place}", content[:place] + bytes(64) + content[place + 64 :]
    yield "twice", content * 2
    yield "no UTF-8", content.replace(b'"notes": [', b'"notes": ["\xff\xfe"], "x": [', 1)
    yield "half a surrogate", content.replace(b'"notes": [', b'"notes": ["\\ud800"], "x": [', 1)
    yield "UTF-16", content.decode().encode("utf-16")
    yield "byte order mark", b"\xef\xbb\xbf" + content
    yield "a list", b"[" + content + b"]"
    yield "deep lists", b"[" * DEEP + b"]" * DEEP
    yield "deep objects", b'{"schema":' * DEEP + b"1" + b"}" * DEEP
    yield "deep recipe", content.replace(b'"recipe": {', b'"recipe": {"x": ' + b"[" * DEEP + b"]" * DEEP + b", ", 1)
    yield "huge number", content.replace(b'"schema": 1', b'"schema": ' + b"9" * DEEP, 1)
    yield "exponent", content.replace(b'"schema": 1', b'"schema": 1e999', 1)
