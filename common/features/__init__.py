"""From audio to arrays: reading and synthesising audio, spectra, the feature store.

May import only the modules directly in common.
"""

__all__ = ["audio", "feature_store", "recordings", "spectral", "speech_synthesis"]
