"""Recipes changed by hand-written texts, and what is refused."""

import dataclasses

import pytest

from common import recipes
from common.errors import InputError


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    window_s: float = 0.04
    kind: str = "normal"


@dataclasses.dataclass(frozen=True)
class Recipe:
    corpus: str = "ravdess"
    protocols: tuple[str, ...] = ("random",)
    front_end: FrontEnd = FrontEnd()
    learning_rate: float = 1e-3
    filters: tuple[int, int, int] = (16, 24, 32)
    steps: int | None = 78
    attention: bool = False
    inner: "Recipe | None" = None


NESTED = Recipe(inner=Recipe(corpus="emodb"))


@pytest.mark.parametrize(
    ("assignment", "field", "value", "name"),
    [
        ("learning_rate=3e-4", "learning_rate", 0.0003, "learning_rate=0.0003"),
        ("learning_rate = 1", "learning_rate", 1.0, "learning_rate=1.0"),
        ("filters=1,2,3", "filters", (1, 2, 3), "filters=1x2x3"),
        ("filters=(1, 2, 3)", "filters", (1, 2, 3), "filters=1x2x3"),
        ("steps=none", "steps", None, "steps=none"),
        ("steps=5", "steps", 5, "steps=5"),
        ("attention=true", "attention", True, "attention=true"),
    ],
)
def test_a_text_becomes_the_type_of_its_field_and_a_name_that_reads_back(assignment, field, value, name):
    changed, differing = recipes.changed(Recipe(), [assignment])
    assert changed == dataclasses.replace(Recipe(), **{field: value})
    assert type(getattr(changed, field)) is type(value)
    variant = recipes.changed_name("cnn", differing)
    assert variant == f"cnn+{name}"
    base, again = recipes.split_name(variant)
    assert base == "cnn" and recipes.changed(Recipe(), again)[0] == changed


def test_changes_are_sorted_joined_and_noted_and_nested_with_dots():
    texts = ["learning_rate=1e-05", "front_end.window_s=0.02", "inner.front_end.kind=other", "inner.learning_rate=-2"]
    changed, differing = recipes.changed(NESTED, texts)
    assert changed.front_end.window_s == 0.02 and changed.inner.front_end.kind == "other"
    assert changed.inner.corpus == "emodb" and changed.inner.learning_rate == -2.0
    expected = "cnn+front_end.window_s=0.02+inner.front_end.kind=other+inner.learning_rate=-2.0+learning_rate=1e-05"
    assert recipes.changed_name("cnn", differing) == expected
    assert recipes.changed(NESTED, recipes.split_name(expected)[1]) == (changed, differing)
    assert recipes.note_of(dict(list(differing.items())[:1])) == "modified: front_end.window_s=0.02 instead of 0.04"


def test_what_is_set_to_what_it_is_is_no_change_and_the_last_word_counts():
    changed, differing = recipes.changed(Recipe(), ["learning_rate=1e-3", "steps=5", "steps=78"])
    assert (changed, differing) == (Recipe(), {})
    assert recipes.changed_name("cnn", differing) == "cnn" and recipes.note_of(differing) == ""


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("lerning_rate=1", "there is no field lerning_rate; the nearest are learning_rate,"),
        ("window_s=1", "there is no field window_s; the nearest are front_end.window_s,"),
        ("learning_rate=fast", "learning_rate=fast is not a value of its type, float"),
        ("learning_rate=inf", "expected a finite number"),
        ("steps=1.5", "steps=1.5 is not a value of its type"),
        ("filters=1,2", "filters=1,2 is not a value of its type"),
        ("front_end.kind=a/b", "expected letters, digits"),
        ("front_end=x", "there is no field front_end"),
        ("protocols=random", "protocols is no setting of a training: take --protocol"),
        ("inner.corpus=emodb", "inner.corpus is no setting of a training: take --corpus"),
        ("steps", "'steps' is no change; expected field=value"),
        ("steps=", "'steps=' is no change; expected field=value"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_all_are_said_at_once(assignment, sentence):
    with pytest.raises(InputError) as refused:
        recipes.changed(NESTED, [assignment, "nonsense=1"])
    assert sentence in str(refused.value) and "nonsense" in str(refused.value)


def test_plain_data_have_no_protocols_and_come_back():
    tree = recipes.plain(NESTED)
    assert "protocols" not in tree and "protocols" not in tree["inner"] and tree["filters"] == [16, 24, 32]
    assert recipes.rebuilt(Recipe, tree) == NESTED
    for broken in ({"gone": 1}, {"front_end": {"gone": 1}}, {"inner": {"gone": 1}}, {"steps": "x"}, {"filters": [1]}):
        with pytest.raises(ValueError):
            recipes.rebuilt(Recipe, broken)
