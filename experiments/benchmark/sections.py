"""The sections of `bench`, at their usual size or at the smallest size of a test run."""

from experiments.benchmark import batches, features, prediction, processes, training


def measure(section, *, smallest=False, corpus_name=None, data=None):
    """Yield the figures of a section as they are measured.

    Args:
        section: a key of `evidence.benchmarks.TITLES`.
        smallest: whether this is a test run.
        corpus_name: corpus of the recordings for features and overhead; None synthesises some.
        data: folder of the corpora.
    """
    if section == "training":
        return training.measure(training.SMALLEST if smallest else training.Size())
    if section == "features":
        return features.measure(features.SMALLEST if smallest else features.Size(), corpus_name, data)
    if section == "batches":
        return batches.measure(batches.SMALLEST if smallest else batches.Size())
    if section == "overhead":
        usual = processes.REAL_OVERHEAD if corpus_name else processes.Overhead()
        return processes.overhead(processes.SMALLEST_OVERHEAD if smallest else usual, corpus_name, data)
    if section == "memory":
        return processes.memory(processes.SMALLEST_MEMORY if smallest else processes.Memory())
    return prediction.measure(prediction.SMALLEST if smallest else prediction.Size())
