"""Records for others, of a corpus that may not be passed on: decisions and scores alone, in one ZIP archive.

A record holds ids, class indices and scores; nothing of a recording or a transcript is in it, and what the raters
answered lies in other files, which stay here. Ids can be replaced by hashes on request. The archive's `runs` folder
goes into a results folder as it is.
"""

import dataclasses
import hashlib
import zipfile

from common import records
from common.atomic_file import atomic
from common.errors import InputError

STAMP = (1980, 1, 1, 0, 0, 0)  # of every member: the same records give the same bytes
HASH_BYTES = 8


def pack(results, file, *, corpora=None, hashed=False) -> int:
    """Write the records into an archive; returns how many.

    Args:
        results: the results folder.
        file: of the archive.
        corpora: names or variants of the corpora whose records are packed; None packs all.
        hashed: replace utterance ids and speakers by hashes. Whoever has the same recordings can make the same hashes,
            so that decisions of two systems stay comparable utterance by utterance; nobody else can undo them.

    Raises:
        InputError: there are no such records, or the archive cannot be written.
    """
    recorded = records.read_all(results)
    chosen = [r for r in recorded if not corpora or {r.corpus, r.corpus_variant} & set(corpora)]
    if not chosen:
        there = ", ".join(sorted({r.corpus_variant for r in recorded})) or "none at all"
        raise InputError(f"no record of {', '.join(corpora or ['any corpus'])} under {results}; there are: {there}")
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
    """A record with hashes in place of utterance ids and speakers, keyed by the fingerprint of the corpus.

    The fingerprint depends on every recording and is itself replaced, so that nobody without the recordings can try ids
    out. Warnings and what the audit said, which may name utterances and speakers, are left out.
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
