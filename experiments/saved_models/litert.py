"""A saved system's network as a LiteRT file, and such a file run: without Keras and TensorFlow, in a second."""

import numpy as np

from common.errors import InputError
from common.learning import backend
from experiments.saved_models import standalone

SUFFIX = ".tflite"


def write(network, path) -> str:
    """Write a Keras network as LiteRT, one example a call; "" or why there is no such file.

    The inputs and outputs have the names of the network's. The file is tried: only then LiteRT says whether it has all
    operations, and whether it answers as Keras does.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return f"Keras writes LiteRT with TensorFlow alone, this is {keras.backend.backend()}"
    signature = standalone.signature(network)
    try:
        with backend.standard_error_closed():  # the converter's C++ code writes what no setting keeps away
            network.export(str(path), format="litert", verbose=False, input_signature=signature)
        difference = _difference(network, Network(path))
        if not difference < standalone.TOLERANCE:
            raise ValueError(f"its answers differ by {difference:.1g}")
    except OSError:
        raise
    except Exception as error:  # the converter raises what it likes
        path.unlink(missing_ok=True)
        return str(error).strip().partition("\n")[0][:200] or type(error).__name__
    return ""


def _difference(network, written) -> float:
    """Between what the two give for one example."""
    inputs = standalone.noise(network)
    ours, theirs = network(inputs, training=False), written.predict(inputs)
    if not isinstance(ours, dict):
        ours, theirs = {"": ours}, {"": theirs}
    return standalone.difference(ours.values(), (theirs[name] for name in ours))


def installed() -> bool:
    """Whether LiteRT runs here."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        return False
    return True


def _refused(error) -> InputError:
    reason = str(error).strip().partition("\n")[0]
    return InputError(f"LiteRT cannot run the network ({reason}); save the system anew, or say --keras")


class Network:
    """A network in LiteRT on one thread, with the one method that decisions need of a Keras network.

    Raises:
        InputError: the file holds no network that LiteRT runs.
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
        """The outputs of all examples, `(M, ...)`; several of them by name.

        Args:
            batches: batching.Batches, or the inputs by name, `(M, ...)` each.
            verbose: as Keras has it.

        Raises:
            InputError: the file's network does not take them.
        """
        batches = [(batches,)] if isinstance(batches, dict) else batches
        try:
            with backend.standard_error_closed():  # the first call announces its kernels
                rows = [
                    self._run(**{name: inputs[name][row : row + 1] for name in self._taken})
                    for inputs, *_ in (batches[index] for index in range(len(batches)))
                    for row in range(len(inputs[self._taken[0]]))
                ]
        except (ValueError, RuntimeError) as error:
            raise _refused(error) from error
        outputs = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))
