"""Pack records in a ZIP archive that can be shared even if the corpus cannot.

A record has ids, class indices and scores, but no audio and no transcripts; raters' answers are in other files, which
are not packed. Ids can be replaced by hashes. The archive's folder `runs` can be unpacked into a results folder.
"""

import dataclasses
import hashlib
import zipfile

from common import records
from common.atomic_file import atomic
from common.errors import InputError

STAMP = (1980, 1, 1, 0, 0, 0)  # time of every member, so that the same records give the same bytes
HASH_BYTES = 8


def pack(results, file, *, corpora=None, hashed=False) -> int:
    """Write records to an archive; returns their number.

    Args:
        results: the results folder.
        file: path of the archive.
        corpora: names or variants of the corpora whose records are packed; None packs all.
        hashed: whether to replace utterance ids and speakers by hashes. Holders of the same recordings can compute the
            same hashes, so that systems stay comparable utterance by utterance; nobody else can invert them.

    Raises:
        InputError: there are no such records, or the archive cannot be written.
    """
    recorded = records.read_all(results)
    chosen = [r for r in recorded if not corpora or {r.corpus, r.corpus_variant} & set(corpora)]
    if not chosen:
        there = ", ".join(sorted({r.corpus_variant for r in recorded})) or "none"
        raise InputError(f"no record of {', '.join(corpora or ['any corpus'])} in {results}; available: {there}")
    try:
        with atomic(file) as opened, zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
            for record in chosen:
                member = zipfile.ZipInfo(records.record_path("", record).as_posix(), STAMP)
                member.external_attr = 0o644 << 16
                text = records.text(anonymous(record) if hashed else record)
                archive.writestr(member, text, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}); name another file") from error
    return len(chosen)


def anonymous(record):
    """A record with hashes of utterance ids and speakers, keyed by the fingerprint of the corpus.

    The fingerprint depends on all recordings and is replaced, too, so that ids cannot be guessed without the
    recordings. Warnings of the corpus and the audit are left out, since they may name utterances and speakers.
    """
    key = record.corpus_fingerprint

    def hashed(text):
        return hashlib.blake2b(text.encode(), key=key.encode()[:64], digest_size=HASH_BYTES).hexdigest()

    parts = {
        name: part
        | {field: [hashed(text) for text in part[field]] for field in ("utterances", "speakers") if field in part}
        for name, part in record.parts.items()
    }
    fingerprints = {name: hashed(getattr(record, name)) for name in ("corpus_fingerprint", "fold_fingerprint")}
    return dataclasses.replace(record, parts=parts, warnings=[], audit=[], **fingerprints)
