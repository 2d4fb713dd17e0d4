"""A folder with faults: every fault is a sentence with what is expected, all at once."""

import sys

import numpy as np
import pytest

import papers
from common.errors import InputError
from experiments import catalog
from experiments.cli import new


@pytest.fixture
def method(tmp_path, monkeypatch):
    """Function: writes the template's method with texts replaced, file by file, and loads it."""

    def load(name="broken", **replaced):
        (tmp_path / "papers").mkdir(exist_ok=True)
        folder = tmp_path / "papers" / name
        folder.mkdir()
        for template in new.TEMPLATES.glob("*.j2"):
            new._render(template, name, folder)
        for file, (old, text) in replaced.items():
            path = folder / f"{file}.py"
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, text))
        monkeypatch.setattr(papers, "__path__", [*papers.__path__, str(tmp_path / "papers")])
        return catalog.Method(name)

    yield load
    for module in [m for m in sys.modules if m.startswith("papers.broken")]:
        del sys.modules[module]


def faults(error):
    return str(error.value).splitlines()[1:]


def test_a_method_without_compared_takes_its_first_variant(method):
    assert method().COMPARED == ("network",)


@pytest.mark.parametrize(
    ("file", "old", "text", "sentence"),
    [
        ("__init__", "RECIPES, folds", "folds", "__init__.py has no RECIPES; expected {"),
        ("__init__", "import features\n", "import FrontEnd\n", "no function features; expected `def features(wave"),
        ("__init__", "__all__", "COMPARED = ('cnn',)\n__all__", "COMPARED names 'cnn'; expected names of RECIPES"),
        ("protocol", "def folds(corpus, recipe,", "def folds(corpus,", "has other parameters; expected (corpus, rec"),
        ("protocol", '    "smoke"', '    "tiny"', "has the presets paper, quick, tiny; expected paper, quick, smoke"),
        ("protocol", "(frozen=True)", "", "network has a Recipe as a recipe; expected a frozen one"),
        (
            "protocol",
            "    num_parameters",
            "    parameters",
            "the recipe has no field num_parameters; expected the number of tr",
        ),
        ("protocol", "1_444", "-1", "num_parameters is -1; expected 0 or more"),
        ("protocol", "tuple(splits.PROTOCOLS)", "()", "protocols is empty; expected one or more"),
        ("protocol", '"max_epochs": 2', '"max_epochs": 200', "max_epochs must not grow from paper to quick to smoke"),
        ("protocol", '"network"', '"a/b"', "variant 'a/b' cannot name a folder"),
        ("features", "sample_rate_hz: int", "rate: int", "front_end is a FrontEnd; expected a frozen dataclass"),
        ("features", "import numpy", "import numpy_", "cannot be imported: ModuleNotFoundError"),
        ("protocol", "VARIANTS =", "VARIANTS :=", "cannot be imported: SyntaxError"),
    ],
)
def test_a_fault_is_a_sentence(method, file, old, text, sentence):
    with pytest.raises(InputError, match="papers/broken cannot be used, 1 fault") as refused:
        method(**{file: (old, text)})
    (fault,) = faults(refused)
    assert sentence in fault


def test_all_faults_are_said_at_once(method):
    with pytest.raises(InputError, match="3 faults") as refused:
        method(
            __init__=("import RECIPES, folds, select", "import RECIPES, folds"),
            protocol=("num_parameters: int = 1_444", "num_parameters: str = 'many'\n    corpus: int = 3"),
        )
    assert len(faults(refused)) == 3


def test_a_model_is_checked_when_it_is_asked_for(method):
    broken = method(model=("def build(recipe, num_classes)", "def make(recipe)"))
    with pytest.raises(InputError, match=r"no function build; expected `def build\(recipe, num_classes\)`"):
        _ = broken.model


def test_what_fit_and_predict_and_features_return_is_checked(method, monkeypatch):
    from common.learning.batching import Subset
    from common.utterance import Utterance

    broken = method()
    part = Subset([Utterance(id="u", path="", emotion="anger", speaker="s")], [np.zeros((1, 1, 40))], ("anger", "fear"))
    for name, returned, sentence in (
        ("fit", None, "fit returned nothing (None), expected a Fitted"),
        ("predict", np.zeros((1, 2)), "predict returned a ndarray; expected scores by rule"),
        ("predict", {}, "predict returned a dict; expected scores by rule"),
        ("predict", {"mean": np.zeros((2, 1))}, "the shape (2, 1); expected (N, K) = (1, 2)"),
        ("predict", {"mean": np.full((1, 2), np.nan)}, "are not all finite"),
    ):
        owner, attribute = (broken, "_predict") if name == "predict" else (broken.model, name)
        monkeypatch.setattr(owner, attribute, lambda *_, returned=returned, **__: returned)
        arguments = (None, part, None) if name == "predict" else (None, part, part)
        with pytest.raises(InputError) as refused:
            getattr(broken, name)(*arguments, **({} if name == "predict" else {"seed": 0}))
        assert sentence in faults(refused)[0]
    monkeypatch.setattr(broken, "_features", lambda *_: np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"features returned float64 \(3, 4\); expected examples"):
        broken.features(np.zeros(9), 16_000, broken.RECIPES["network"]["paper"].front_end)


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="unknown paper 'nobody2020'; choose from emmert, .*, baseline"):
        catalog.paper("nobody2020")
