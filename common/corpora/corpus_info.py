"""What a corpus is called, how large it is, and how somebody gets it."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusInfo:
    """A corpus as its makers describe it.

    Args:
        name: what the command line calls it.
        licence: in words, as the makers grant it.
        language: that is spoken, its ISO 639-1 code.
        url: the makers' page.
        archive: the file to download, None where it is not to be had by a download.
        checksum: of the archive, as the makers publish it ("md5:..."); None where they publish none.
        how_to_get: the end of the sentence "to get it, ...".
    """

    name: str
    title: str
    citation: str
    num_utterances: int
    num_speakers: int
    licence: str
    language: str
    url: str
    how_to_get: str
    archive: str | None = None
    checksum: str | None = None
