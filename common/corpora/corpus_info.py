"""Description of a corpus: name, size, licence, and how to obtain it."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusInfo:
    """A corpus as its authors describe it.

    Args:
        name: on the command line.
        licence: in words, as the authors grant it.
        language: ISO 639-1 code of the language spoken.
        url: the authors' page.
        archive: URL of the file to download, None if the corpus cannot be downloaded.
        checksum: of the archive, as the authors publish it ("md5:..."); None if they publish none.
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
