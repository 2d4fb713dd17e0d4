"""Write a saved system's network as a LiteRT file, and run such files without Keras and TensorFlow, within a second."""

import numpy as np

from common.errors import InputError
from common.learning import backend
from experiments.saved_models import standalone

SUFFIX = ".tflite"


def write(network, path) -> str:
    """Write a Keras network as LiteRT, for one example per call; returns "" or the reason why this is impossible.

    Inputs and outputs have the network's names. The file is run once, to check that LiteRT supports all operations and
    gives the same outputs as Keras.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return f"Keras writes LiteRT only with TensorFlow, the backend is {keras.backend.backend()}"
    signature = standalone.signature(network)
    try:
        with backend.standard_error_closed():  # messages of the converter's C++ code that no setting suppresses
            network.export(str(path), format="litert", verbose=False, input_signature=signature)
        difference = _difference(network, Network(path))
        if not difference < standalone.TOLERANCE:
            raise ValueError(f"its outputs differ by {difference:.1g}")
    except OSError:
        raise
    except Exception as error:  # the converter raises various exceptions
        path.unlink(missing_ok=True)
        return str(error).strip().partition("\n")[0][:200] or type(error).__name__
    return ""


def _difference(network, written) -> float:
    """The largest difference of the outputs for one example, as in `standalone.difference`."""
    inputs = standalone.noise(network)
    ours, theirs = network(inputs, training=False), written.predict(inputs)
    if not isinstance(ours, dict):
        ours, theirs = {"": ours}, {"": theirs}
    return standalone.difference(ours.values(), (theirs[name] for name in ours))


def installed() -> bool:
    """Whether LiteRT is installed."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        return False
    return True


def _refused(error) -> InputError:
    reason = str(error).strip().partition("\n")[0]
    return InputError(f"LiteRT cannot run the network ({reason}); save the system again, or use --keras")


class Network:
    """A network in LiteRT on one thread, with a method `predict` like that of a Keras network.

    Raises:
        InputError: the file has no network that LiteRT can run.
    """

    def __init__(self, path):
        from ai_edge_litert.interpreter import Interpreter

        try:
            with backend.standard_error_closed():
                self._run = Interpreter(str(path), num_threads=1).get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise _refused(error) from error
        self._taken = tuple(self._run.get_input_details())

    def predict(self, batches, verbose=0):
        """The outputs for all examples, `(M, ...)`, or {name: `(M, ...)`} if there are several.

        Args:
            batches: batching.Batches, or {name of an input: `(M, ...)`}.
            verbose: ignored; present as in Keras.

        Raises:
            InputError: the network does not accept these inputs.
        """
        batches = [(batches,)] if isinstance(batches, dict) else batches
        try:
            with backend.standard_error_closed():  # the first call prints the kernels in use
                rows = [
                    self._run(**{name: inputs[name][row : row + 1] for name in self._taken})
                    for inputs, *_ in (batches[index] for index in range(len(batches)))
                    for row in range(len(inputs[self._taken[0]]))
                ]
        except (ValueError, RuntimeError) as error:
            raise _refused(error) from error
        outputs = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))
