"""Prediction: the cold start of `predict`, milliseconds a recording, and what an exported network gives over Keras."""

import importlib.util
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from common.corpora import synthetic
from common.learning import backend
from experiments import catalog
from experiments.benchmark import latency
from experiments.benchmark.timing import child, in_turns, speed_up
from experiments.benchmark.training import networks
from experiments.evidence.benchmarks import figure
from experiments.saved_models import litert

NUM_CLASSES = 4
OFFERED_FROM = 2  # times as fast as Keras: below, an exported network is not worth a second way to predict


class Size(NamedTuple):
    """How much is measured."""

    first: int | None = None  # so many of the networks that bench trains; None is all
    repeat: int = 10
    cold_starts: int = 3


SMALLEST = Size(first=1, repeat=1, cold_starts=1)


def measure(size):
    """Yield figures of a fresh process, then of every network."""
    systems = [(name, variant) for name, variant, *_ in networks()[: size.first]]
    yield _cold_start(*systems[0], size.cold_starts)
    for name, variant in systems:
        measured = latency.measure(name, variant, repeat=size.repeat)
        parts = f"front end {measured['features_ms']:.1f} ms + network {measured['network_ms']:.1f} ms"
        spent = measured["features_ms"] + measured["network_ms"]
        yield figure(f"{name}/{variant}: recording to posteriors", spent, "ms", note=parts)
        yield _over_keras(name, variant, size.repeat, "LiteRT")
    yield _over_keras(*systems[0], size.repeat, "ONNX")


def _cold_start(name, variant, count) -> dict:
    """The verb `predict` from its start to its end, on a system trained for the purpose."""
    with tempfile.TemporaryDirectory() as folder:
        data = synthetic.synthesize("ravdess", Path(folder, "ravdess"), speakers=6, files=1, progress=False)
        wav = Path(folder, "speech.wav")
        soundfile.write(wav, latency.speech("neutral", 16_000), 16_000)
        training = ("run", name, "--variant", variant, "--corpus", "ravdess", "--data", data, "--preset", "smoke")
        where = ("--folds", 1, "--workers", 1, "--results", Path(folder, "results"), "--models", Path(folder, "models"))
        protocol = ("--protocol", "speaker_independent", "--emotions", "4hap")
        child(["-m", "experiments", *training, *where, *protocol], environment={"SER_CACHE": folder})
        (model,) = (path.parent for path in Path(folder, "models").rglob("config.json"))
        starts = [child(["-m", "experiments", "predict", model, wav]) for _start in range(count)]
    seconds = statistics.median(one.wall_s for one in starts)
    return figure(
        "predict: cold start to decision", seconds, "s", note=f"{name}/{variant}, one recording, a fresh process"
    )


def _over_keras(name, variant, repeat, runtime) -> dict:
    """How many times as fast an exported network decides on the examples of 3 s as `predict_on_batch` does."""
    needs, export = RUNTIMES[runtime]
    quantity = f"{name}/{variant}: network exported to {runtime}, speed over Keras"
    if lacking := [module for module in needs if not _installed(module)]:
        return figure(
            quantity, None, "times", at_least=OFFERED_FROM, note=f"not measured: needs {' and '.join(lacking)}"
        )
    backend.start()
    try:
        before_ms, after_ms, over, difference = _in_turns_with_keras(name, variant, repeat, export)
    except Exception as error:  # the exporters raise what they like
        reason = str(error).partition("\n")[0][:80] or type(error).__name__
        return figure(
            quantity, None, "times", at_least=OFFERED_FROM, note=f"not measured: cannot be exported ({reason})"
        )
    note = f"the network alone: {before_ms:.2f} ms by Keras, {after_ms:.2f} ms; largest difference {difference:.1g}"
    return figure(quantity, over, "times", at_least=OFFERED_FROM, note=note)


def _in_turns_with_keras(name, variant, repeat, export):
    """Milliseconds by Keras and exported, how many times as fast that is, and the largest difference of the outputs."""
    network, inputs = _network(name, variant)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's interpreter announces its move to another package
        exported = export(network, inputs, folder)
        seconds = in_turns({"keras": lambda: network.predict_on_batch(inputs), "exported": exported}, 2 + repeat)
        difference = _difference(network.predict_on_batch(inputs), exported())
    before_ms, after_ms = (1000 * statistics.median(seconds[way]) for way in ("keras", "exported"))
    return before_ms, after_ms, speed_up(seconds["keras"], seconds["exported"]), difference


def _installed(module) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent
        return False


def _network(name, variant):
    """An untrained network and what it takes of three seconds of speech."""
    paper, recipe = catalog.paper(name), catalog.recipe(name, variant, "quick")
    network = paper.build(recipe, NUM_CLASSES)
    rate = recipe.front_end.sample_rate_hz
    features = paper.features(latency.speech("neutral", rate), rate, recipe.front_end).astype("float32")
    given = {"features": features, "length": np.full(len(features), features.shape[1], dtype="int32")}
    return network, {tensor.name: given[tensor.name] for tensor in network.inputs}


def _signature(inputs) -> list:
    import keras

    return [{name: keras.InputSpec(shape=v.shape, dtype=v.dtype.name, name=name) for name, v in inputs.items()}]


def _litert(network, inputs, folder):
    path = Path(folder, "network.tflite")
    litert.write(network, path, examples=len(inputs["features"]))
    exported = litert.reader(path)
    return lambda: exported(inputs)


def _onnx(network, inputs, folder):
    import onnxruntime

    path = str(Path(folder, "network.onnx"))
    network.export(path, format="onnx", verbose=False, input_signature=_signature(inputs))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    taken = {given.name: inputs[given.name] for given in session.get_inputs()}
    return lambda: session.run(None, taken)


RUNTIMES = {"LiteRT": (("tensorflow.lite",), _litert), "ONNX": (("tf2onnx", "onnxruntime"), _onnx)}


def _difference(ours, theirs) -> float:
    """The largest between outputs of one shape, whatever they are called."""
    import keras

    pairs = ((a, b) for a in keras.tree.flatten(ours) for b in keras.tree.flatten(theirs) if a.shape == b.shape)
    return max(float(np.abs(a - b).max()) for a, b in pairs)
