"""Names as files: no two share a place, none leaves its folder."""

import dataclasses
import itertools

import pytest

from common import records
from common.errors import InputError
from common.utterance import file_name, slug, stem_of
from tests.support.records_by_hand import unbalanced


@pytest.mark.parametrize(
    ("variant", "folder"),
    [
        ("ravdess", "ravdess"),
        ("ravdess/strong", "ravdess-strong"),
        ("ravdess-synthetic/4hap", "ravdess-synthetic-4hap"),
        ("emodb-2s/4hap", "emodb-2s-4hap"),
        ("emodb/all", "emodb-all"),
        ("iemocap/improvised/4exc", "iemocap-improvised-4exc"),
        ("ravdess/anger+sadness", "ravdess-anger+sadness"),
        ("manifest:calls", "manifest-calls"),
        ("manifest:calls/4hap", "manifest-calls-4hap"),
    ],
)
def test_the_slugs_of_real_corpora(variant, folder):
    assert slug(variant) == folder


def test_no_two_variants_have_one_slug():
    """Every sequence of up to five tokens, as a file system that ignores case sees it."""
    tokens = ["manifest", "a", "A", "2s", "synthetic", "-", "/", ":", "--", "."]
    variants = {"".join(t) for size in range(6) for t in itertools.product(tokens, repeat=size)}
    variants |= {f"a{character}b" for character in map(chr, range(1, 0x3000))}
    slugs = {slug(variant).casefold() for variant in variants}
    assert len(slugs) == len(variants)
    assert all(file_name(name) == name for name in slugs)


def test_no_two_systems_have_one_stem():
    """Hyphens within names and between them, capitals, and names that are longer than a file's name may be."""
    names = ["a", "b", "a-b", "b-a", "A", "a--b", "x" * 190, "x" * 190 + "y"]
    places = list(itertools.product(names, names, ["a", "a/b", "A-b"], names[:5], names[:2]))
    stems = {stem_of(place[:2], place[2], place[3:]).casefold() for place in places}
    assert len(stems) == len(places) and max(map(len, stems)) <= 200
    assert stem_of(("emmert", "mfcc"), "ravdess/4hap", ("paper", "quick")) == "emmert-mfcc-ravdess-4hap-paper-quick"


BAD_NAMES = ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "C:", "a\nb", "a\x00", "a\u202eb", " a", "a.", "x" * 300]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("field", ["paper", "variant", "protocol", "preset", "fold"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, field, name):
    with pytest.raises(InputError, match=field) as raised:
        records.write(dataclasses.replace(unbalanced(), **{field: name}), root=tmp_path)
    assert str(raised.value).isprintable()
    assert not list(tmp_path.rglob("*"))


def test_names_of_changed_recipes_are_file_names():
    for name in ("cnn3_lstm_20hz+front_end.window_s=0.02", "mfcc+filters=(16, 24, 32)", "a-b", "größe"):
        assert file_name(name) == name
