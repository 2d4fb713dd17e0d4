"""The sections of `bench`, each at its usual size or at the smallest one of a rehearsal."""

from experiments.benchmark import batches, features, prediction, processes, training


def measure(section, *, smallest=False, corpus_name=None, data=None):
    """The figures of a section of `evidence.benchmarks.TITLES`, one after the other as they are measured.

    Args:
        section: its name.
        smallest: a rehearsal.
        corpus_name: whose recordings features and overhead take; synthetic ones if absent.
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
