"""Damaged and hostile files of three kinds, and what the suite makes of each: refused in one sentence, or not.

`python -m tests.support.hostile` makes them all (records, saved systems, archives) and counts; its exit status is 1
where one is taken for a good file or ends in a traceback.
"""

import argparse
import copy
import dataclasses
import io
import json
import random
import stat
import struct
import sys
import tempfile
import wave
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import records
from common.corpora import emodb, fetch
from common.errors import InputError
from tests.support import damage
from tests.support.records_by_hand import part, record

RUNS = Path(__file__).parents[2] / "results" / "runs"


class Judgement(NamedTuple):
    """Names of cases by what became of them; tracebacks with the exception."""

    refused: list
    accepted: list
    tracebacks: list


def judge(cases, attempt) -> Judgement:
    """Give each case, (name, payload), to `attempt`, which raises InputError for what it refuses."""
    judged = Judgement([], [], [])
    for name, payload in cases:
        try:
            attempt(payload)
            judged.accepted.append(name)
        except InputError as error:
            in_sight = all(line.isprintable() for line in str(error).splitlines())
            (judged.refused if in_sight else judged.tracebacks).append(name)
        except Exception as error:
            judged.tracebacks.append((name, repr(error)))
    return judged


# --- records

NETWORK = {"epochs": 9, "kept": 8, "stopped_by": "limit", "patience": 3}
NETWORK |= {"loss": 0.5, "ua": 0.75, "largest_share": 0.5, "num_classes": 2}


def noisy():
    """A record with every field that a record can have: networks, and the test part in noise."""
    test = part([0, 1, 1], [0, 1, -1])
    train = {"confusion": [[2, 0, 0], [0, 1, 0]], "cross_entropy": 0.25}
    front_ends = [["babble", {"noise": "babble", "snr_db": 0.0}]]
    return record(
        test,
        parts={"train": train, "valid": test, "test": test, "test:babble": test},
        recipe={"corpus": "ravdess", "front_end": {"window_s": 0.04}, "test_front_ends": front_ends},
        networks={"network": NETWORK},
    )


def smallest(paper):
    return records.read(min((RUNS / paper).rglob("*.json"), key=lambda path: (path.stat().st_size, path)))


SOURCES = {"noisy": noisy} | {
    paper: lambda paper=paper: smallest(paper) for paper in ("chernykh2018", "emmert", "lim2016")
}


def of_meaning(tree):
    """(name, tree) where every type is right and the whole is not."""

    def mutant(name, change):
        other = copy.deepcopy(tree)
        change(other, other["parts"]["test"])
        return name, other

    def swap(one, other):
        def change(_, test):
            test[one], test[other] = test[other], test[one]

        return change

    num_classes = len(tree["classes"])
    scores = list(tree["parts"]["test"]["scores"])
    yield mutant("a label too large", lambda _, test: test["labels"].__setitem__(0, num_classes))
    yield mutant("a negative label", lambda _, test: test["labels"].__setitem__(0, -1))
    yield mutant("an utterance twice", lambda _, test: test["utterances"].__setitem__(0, test["utterances"][1]))
    yield mutant("a label less", lambda _, test: test["labels"].pop())
    yield mutant("a speaker more", lambda _, test: test["speakers"].append("x"))
    yield mutant("labels and speakers swapped", swap("labels", "speakers"))
    yield mutant("scores and confusion swapped", swap("scores", "confusion"))
    for rule in scores:
        yield mutant(f"a row of {rule} too narrow", lambda _, test, rule=rule: test["scores"][rule][0].pop())
        yield mutant(f"a row of {rule} too wide", lambda _, test, rule=rule: test["scores"][rule][-1].append(0.5))
        yield mutant(f"a row of {rule} less", lambda _, test, rule=rule: test["scores"][rule].pop())
        yield mutant(f"NaN in {rule}", lambda _, test, rule=rule: test["scores"][rule][0].__setitem__(0, damage.NAN))
        yield mutant(f"{rule} huge", lambda _, test, rule=rule: test["scores"][rule][0].__setitem__(0, 1e300))
        yield mutant(f"{rule} renamed", lambda _, test, rule=rule: test["scores"].update(x=test["scores"].pop(rule)))
    yield mutant("a column less", lambda _, test: [row.pop() for row in test["confusion"]])
    yield mutant("a count more", lambda _, test: test["confusion"][0].__setitem__(0, test["confusion"][0][0] + 1))
    yield mutant("a class less", lambda other, _: other["classes"].pop())
    yield mutant("a class more", lambda other, _: other["classes"].append("zeal"))
    yield mutant("classes reversed", lambda other, _: other["classes"].reverse())
    yield mutant("a test part of train", lambda other, _: other["parts"].update(train=other["parts"]["test"]))
    yield mutant("a part more", lambda other, test: other["parts"].update({"test:wind": test}))
    yield mutant("an epoch that is not there", lambda other, _: other.update(best_epoch=4711))
    yield mutant("an unknown field", lambda other, _: other.update(accuracy=0.9))
    if len(tree["history"]) > 2:
        yield mutant("an epoch of one list less", lambda other, _: other["history"]["loss"].pop())


def damaged_records(source, rng):
    """(name, bytes) of a record's file that is none."""
    tree = dataclasses.asdict(source)
    trees = [*damage.of_fields(tree, damage.RECORD), *of_meaning(tree)]
    return [*((name, json.dumps(mutant).encode()) for name, mutant in trees), *damage.of_bytes(tree, rng)]


def judged_records(source, folder) -> Judgement:
    """Of a record's file in a results folder, damaged in every way."""
    path = records.write(source, root=folder)

    def attempt(content):
        path.write_bytes(content)
        records.read_all(folder)

    return judge(damaged_records(source, random.Random(0)), attempt)


# --- saved systems

OWN = {
    "front_end_code": [*damage.TEXT, "", "0" * 64],
    "networks": [None, "network", {}, [], [1], ["other"], ["network"] * 2, ["../network"], ["network", "other"]],
    "speakers": [None, 1, "x", [], {"train": -1}, {"train": "1"}, {"train": None}],
    "sha256": [None, 1, "x", [], {"network.skops": 1}, {"network.skops": "0" * 64}, {"../x": "0" * 64}],
}
SYSTEM_MAY_LACK = {
    "speakers",
    "sha256",
    "keras_only",
    "recipe.protocols",
    "counts.*.*",
}  # first forms; no setting; nobody of this class
OF_OTHER_TYPES = {
    bool: ["x", 1, [], {}],
    int: ["x", True, 0.5, [], {}],
    float: ["x", True, [], {}],
    str: [1, True, None, [], {}],
    list: [1, "x", {}],
    dict: [1, "x", []],
}


def saved(folder, system, network, cost) -> Path:
    """A system of two classes, `paper/variant`, saved."""
    from common.learning.training import Fitted
    from common.utterance import Fold, Utterance
    from experiments import catalog
    from experiments.saved_models import models

    paper, variant = system.split("/")
    recipe = json.loads(json.dumps(dataclasses.asdict(catalog.recipe(paper, variant, "smoke"))))
    saved_record = record(
        part([0, 1], [0, 1]),
        paper=paper,
        variant=variant,
        recipe=recipe,
        environment={name: metadata.version(name) for name in ("keras", "scikit-learn")},
        cost={"seconds_fit": 1.0, "peak_memory_mib": None, "parameters": cost},
    )
    someone = (Utterance(id="u0", path="u0.wav", emotion="anger", speaker="s"),)
    return models.save(
        Fitted(network, {}), saved_record, Fold("fold_1", someone, someone, someone), Path(folder, paper, variant)
    )


def saved_forest(folder) -> Path:
    """A forest that decides between two classes, saved."""
    from sklearn.ensemble import RandomForestClassifier

    return saved(
        folder, "chernykh2018/framewise", RandomForestClassifier(2, random_state=0).fit(np.eye(4), [0, 1, 0, 1]), 0
    )


def saved_network(folder) -> Path:
    """An untrained network for two classes, saved."""
    from common.learning import backend
    from experiments import catalog

    backend.start()
    recipe = catalog.recipe("chernykh2018", "ctc", "smoke")
    return saved(folder, "chernykh2018/ctc", catalog.paper("chernykh2018").build(recipe, 2), 1)


def of_recipe(described):
    recipe = described["recipe"]
    for path in [*damage.paths(recipe, "*"), *damage.paths(recipe["front_end"], "*")]:
        path = ("recipe", *path) if path[0] in recipe else ("recipe", "front_end", *path)
        value = described
        for name in path:
            value = value[name]
        if value is not None:
            yield ".".join(path), OF_OTHER_TYPES[type(value)]


def damaged_descriptions(described, rng):
    """(name, bytes) of a config.json that is none."""
    wrong = damage.DESCRIPTION | OWN | dict(of_recipe(described))
    trees = damage.of_fields(described, wrong, SYSTEM_MAY_LACK)
    cases = [(name, json.dumps(tree).encode()) for name, tree in trees]
    for name, change in {
        "a class less": lambda tree: tree["classes"].pop(),
        "classes reversed": lambda tree: tree["classes"].reverse(),
        "variant and corpus swapped": lambda tree: tree.update(corpus=tree["variant"], variant=tree["corpus"]),
        "an unknown field": lambda tree: tree.update(accuracy=0.9),
        "an unknown setting": lambda tree: tree["recipe"].update(num_spoons=3),
        "an unknown paper": lambda tree: tree.update(paper="nobody2019"),
        "evidence": lambda tree: tree.update(history={}),
    }.items():
        tree = copy.deepcopy(described)
        change(tree)
        cases.append((name, json.dumps(tree).encode()))
    return [*cases, *damage.of_bytes(described, rng)]


def _members(content) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zip_bytes(files, compression=zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of {name or ZipInfo: content}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def damaged_weights(content, rng):
    """(name, bytes) of a network's file that is not the one that was saved."""
    for size in sorted(rng.sample(range(len(content)), 12)):
        yield f"cut at {size}", content[:size]
    for place in rng.sample(range(len(content) - 64), 8):
        yield f"zeros at {place}", content[:place] + bytes(64) + content[place + 64 :]
    for place in rng.sample(range(len(content)), 16):
        yield (
            f"a bit at {place}",
            content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
        )
    yield "twice", content * 2
    yield "another archive", zip_bytes({"a": b"b"})
    yield "a pickle", b"cos\nsystem\n(S'true'\ntR."


def hostile_weights(content, suffix):
    """(name, bytes) of a network's file that somebody made with care: its hash in config.json is right."""
    members = _members(content)
    yield "no archive", b"<html>"
    yield "nothing in it", zip_bytes({})
    for name in members.keys() - {"metadata.json"}:  # Keras's version and the date, on which no network depends
        yield f"without {name}", zip_bytes({other: data for other, data in members.items() if other != name})
        yield f"{name} empty", zip_bytes(members | {name: b""})
        yield f"{name} half", zip_bytes(members | {name: members[name][: len(members[name]) // 2]})
    yield "too much in it", _with_size(content, 1 << 31)
    description = "config.json" if suffix == ".keras" else "schema.json"
    tree = json.loads(members[description])
    for name, changed in (_keras_trees if suffix == ".keras" else _skops_trees)(tree):
        yield name, zip_bytes(members | {description: json.dumps(changed).encode()})
    yield "deep", zip_bytes(members | {description: b"[" * damage.DEEP + b"]" * damage.DEEP})


def _with_size(content, size):
    """An archive whose first member is said to be so large."""
    place = content.index(b"PK\1\2") + 24
    return content[:place] + struct.pack("<I", size) + content[place + 4 :]


def _keras_trees(tree):
    yield "a function of the system", tree | {"module": "os", "class_name": "system", "registered_name": None}
    yield "a function of Python", tree | {"module": "builtins", "class_name": "eval", "registered_name": None}
    yield "no class", {name: value for name, value in tree.items() if name != "class_name"}
    yield "no layers", tree | {"config": tree["config"] | {"layers": []}}
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAA=", "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": code}}
    layer |= {"registered_name": None, "name": "l", "inbound_nodes": []}
    yield "code of Python", tree | {"config": tree["config"] | {"layers": [*tree["config"]["layers"], layer]}}


def _skops_trees(tree):
    yield "a function of the system", tree | {"__class__": "system", "__module__": "os"}
    yield "another estimator", tree | {"__class__": "KMeans", "__module__": "sklearn.cluster._kmeans"}
    yield "a loader of no kind", tree | {"__loader__": "NoNode"}
    yield "no content", tree | {"content": {}}
    yield "no class", {name: value for name, value in tree.items() if name != "__class__"}


def resigned(folder) -> Path:
    """The folder of a saved system, with the hashes in its config.json that its files have now."""
    from experiments.saved_models import models

    described = json.loads((folder / models.DESCRIPTION).read_text())
    described["sha256"] = {name: models.digest(folder / name) for name in described["sha256"]}
    (folder / models.DESCRIPTION).write_text(json.dumps(described))
    return folder


SAVED = {
    "forest": (saved_forest, ".skops"),
    "network": (saved_network, ".keras"),
    "network of LiteRT": (saved_network, ".tflite"),
}


def judged_systems(folder) -> dict[str, Judgement]:
    """Of saved systems whose description or networks are damaged."""
    from experiments.saved_models import models

    judged, places = {}, {make: make(folder) for make, _ in SAVED.values()}
    for kind, (make, suffix) in SAVED.items():
        place, keras = places[make], suffix == ".keras"
        network = place / f"network{suffix}"
        description, good, weights = (
            place / models.DESCRIPTION,
            (place / models.DESCRIPTION).read_bytes(),
            network.read_bytes(),
        )
        models.load(place, keras=keras)

        def described(content, place=place, description=description):
            description.write_bytes(content)
            models.load(place)

        def weighted(content, place=place, network=network, keras=keras):
            network.write_bytes(content)
            models.load(place, keras=keras)

        def signed(content, place=place, network=network, keras=keras):
            network.write_bytes(content)
            models.load(resigned(place), keras=keras)

        if kind == "forest":
            judged[f"{kind}: config.json"] = judge(damaged_descriptions(json.loads(good), random.Random(0)), described)
            description.write_bytes(good)
        judged[f"{kind}: weights"] = judge(damaged_weights(weights, random.Random(0)), weighted)
        if suffix != ".tflite":
            judged[f"{kind}: weights, signed"] = judge(hostile_weights(weights, suffix), signed)
        network.write_bytes(weights)
        description.write_bytes(good)
    return judged


# --- archives


def wav(seconds):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(100)
        file.writeframes(bytes(range(100)) * round(seconds))
    return buffer.getvalue()


def emodb_files() -> dict[str, bytes]:
    """EmoDB's names, with tones of two to four seconds."""
    files = {f"wav/{name}.wav": wav(2 + k % 3) for k, name in enumerate(emodb.FIRST_RELEASE)}
    return {"erkennung.txt": "Nr.\tSatz\terkannt\tnatuerlich\n".encode("latin-1")} | files


def _entry(name, mode=0, **more):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    for field, value in more.items():
        setattr(entry, field, value)
    return entry


def hostile_archives(files):
    """(name, bytes) of archives that are not EmoDB's."""
    content = zip_bytes(files)
    first = next(iter(files))
    outside = [
        "../evil",
        "wav/../../evil",
        "/evil",
        "C:evil",
        "C:\\evil",
        "..\\evil",
        "\\\\host\\evil",
        "wav/..",
        "./../evil",
    ]
    for name in outside:
        yield f"named {name}", zip_bytes(files | {_entry(name): b"evil"})
    for kind, mode in {
        "link": stat.S_IFLNK,
        "device": stat.S_IFCHR,
        "pipe": stat.S_IFIFO,
        "socket": stat.S_IFSOCK,
    }.items():
        yield f"a {kind}", zip_bytes(files | {_entry("wav/x", mode | 0o777): b"../../outside"})
    for name in ("wav/a\x1b[2Jb", "wav/a\u202eb", "wav/a\nb", "x" * 300, "wav/" + "ü" * 150):
        yield f"named {name[:20]!a}", zip_bytes(files | {name: b""})
    yield "a name twice, in capitals", zip_bytes(files | {first.upper(): b"other"})
    yield "a file where a folder is", zip_bytes(files | {"wav": b""})
    yield "a file above a file", zip_bytes(files | {f"{first}/x": b""})
    for share in (0.1, 0.5, 0.9, 0.999):
        yield f"cut at {share}", content[: int(share * len(content))]
    middle = len(content) // 2
    yield "zeros in it", content[:middle] + bytes(200) + content[middle + 200 :]
    yield "bytes less in it", content[:middle] + content[middle + 50 :]
    yield "nothing", b""
    yield "nothing in it", zip_bytes({})
    yield "its end alone", content[-22:]
    yield "HTML", b"<!DOCTYPE html><html>quota exceeded</html>"
    yield "a tar", b"wav/03a01Fa.wav" + bytes(242) + b"ustar" + bytes(250)
    yield "gzip", b"\x1f\x8b\x08" + bytes(40)
    yield "a Git-LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"
    yield "a zip in a zip", zip_bytes({"emodb.zip": content})
    yield "encrypted", _flagged(content, 1)
    for method in (12, 14, 93, 99):
        yield f"of compression {method}", _method(content, method)
    yield "said to be 4 GiB", _with_size(content, 0xFFFFFFFE)
    yield "said to be smaller", _with_size(content, 1)
    yield (
        "a bomb",
        zip_bytes(files | {"wav/bomb.wav": bytes(64 << 20)}).replace(
            struct.pack("<I", 64 << 20), struct.pack("<I", 0xFFFFFFF0)
        ),
    )
    yield "200,000 names", _of_many(200_000)
    yield "a recording less", zip_bytes(dict(list(files.items())[:-1]))
    yield "a recording of 30 s", zip_bytes(files | {f"wav/{emodb.FIRST_RELEASE[0]}.wav": wav(30)})
    yield "a recording of nothing", zip_bytes(files | {f"wav/{emodb.FIRST_RELEASE[0]}.wav": b""})
    yield "a recording of HTML", zip_bytes(files | {f"wav/{emodb.FIRST_RELEASE[0]}.wav": b"<html>"})


def _flagged(content, bit):
    place = content.index(b"PK\1\2")
    return (
        content[:6] + struct.pack("<H", bit) + content[8 : place + 8] + struct.pack("<H", bit) + content[place + 10 :]
    )


def _method(content, method):
    place = content.index(b"PK\1\2")
    number = struct.pack("<H", method)
    return content[:8] + number + content[10 : place + 10] + number + content[place + 12 :]


def _of_many(count):
    """An archive whose directory alone is long: its names have no content."""
    name = b"x" * 8
    entry = b"PK\1\2" + struct.pack("<6H3L5H2L", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    end = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count % 65536, count % 65536, count * len(entry), 0, 0)
    return entry * count + end


def judged_archives(folder) -> Judgement:
    """Of archives that `corpora fetch` finds in its folder; what lands outside is a traceback too."""
    place = Path(folder, "within", "data")
    archive = place / "archives" / fetch.ARCHIVES["emodb"]
    archive.parent.mkdir(parents=True)

    def attempt(content):
        archive.write_bytes(content)
        try:
            fetch.fetch("emodb", place, progress=False)
        finally:
            left = sorted(path for path in Path(folder).rglob("*") if path.is_file() and path != archive)
            if left:
                raise AssertionError(f"{left[:3]} were left")

    return judge(hostile_archives(emodb_files()), attempt)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        judged = {f"records of {name}": judged_records(make(), Path(folder, name)) for name, make in SOURCES.items()}
        judged |= judged_systems(Path(folder, "systems"))
        judged["archives"] = judged_archives(Path(folder, "archives"))
    print(f"{'':28}{'cases':>8}{'refused':>9}{'accepted':>10}{'tracebacks':>12}")
    for name, each in judged.items():
        counts = list(map(len, each))
        print(f"{name:28}{sum(counts):8}{counts[0]:9}{counts[1]:10}{counts[2]:12}")
        for fault in [*each.accepted, *each.tracebacks]:
            print(f"    {fault}")
    sys.exit(any(each.accepted or each.tracebacks for each in judged.values()))


if __name__ == "__main__":
    main()
