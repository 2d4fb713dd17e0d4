"""From sound to arrays: audio read or synthesised, the feature store, the version of the code that made an array.

May use common's own files alone.
"""

__all__ = ["audio", "code_version", "feature_store", "recordings", "speech_synthesis"]
