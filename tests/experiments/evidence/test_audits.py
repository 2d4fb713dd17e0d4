"""The ids that our records trained on, and the audits of their folds, are kept."""

import hashlib
import json
from pathlib import Path

from common import records
from experiments.evidence import audits

RESULTS = Path(__file__).parents[3] / "results"


def test_the_kept_ids_are_those_of_every_record():
    """The fingerprint of a record is the SHA-256 of the ids of its three parts."""
    for record in records.read_all(RESULTS):
        train = json.loads(audits.training_ids_path(RESULTS, record.fold_fingerprint).read_text())["train"]
        parts = {"train": train} | {name: record.parts[name]["utterances"] for name in ("valid", "test")}
        assert hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest() == record.fold_fingerprint


def test_every_recorded_system_protocol_and_seed_has_an_audit():
    audited = {(a["system"], a["protocol"], a["corpus_variant"], a.get("seed", 0)) for a in audits.read(RESULTS)}
    recorded = records.read_all(RESULTS)
    assert {(f"{r.paper}/{r.variant}", r.protocol, r.corpus_variant, r.seed) for r in recorded} <= audited
