"""From sound to arrays: audio read or synthesised, spectra, the feature store.

May use common's own files alone.
"""

__all__ = ["audio", "feature_store", "recordings", "spectral", "speech_synthesis"]
