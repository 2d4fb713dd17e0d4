"""A corpus with raters' answers written by hand, and what systems decided on it, for tables counted by hand."""

from common.utterance import Corpus, Utterance
from experiments.evaluation import system_results
from tests.support.records_by_hand import part, record

CLASSES = ("anger", "excitement", "neutral", "sadness")
ANGER, EXCITEMENT, NEUTRAL, SADNESS, NOTHING = 0, 1, 2, 3, -1
PAPER_S = {"paper": "chernykh2018", "variant": "ctc", "corpus": "iemocap", "corpus_variant": "iemocap/all/4exc"}

HEARD = [  # emotion, the raters' answers, the actor's own, what a system decided in seed 0 and in seed 1
    ("anger", ["anger", "anger", "anger"], ["anger"], ANGER, ANGER),
    ("anger", ["anger", "anger", "anger"], ["neutral"], NEUTRAL, ANGER),
    ("anger", ["anger", "anger", "neutral"], [], NEUTRAL, NEUTRAL),
    ("anger", ["anger", "anger", "frustration"], [], SADNESS, NOTHING),
    ("excitement", ["excitement", "happiness", "excitement"], [], EXCITEMENT, NEUTRAL),
    ("excitement", ["excitement", "excitement", "neutral"], [], ANGER, NOTHING),
    ("neutral", ["neutral", "neutral", "neutral"], [], NEUTRAL, NEUTRAL),
    ("neutral", ["neutral", "sadness", "neutral"], [], SADNESS, ANGER),
    ("sadness", ["sadness", "sadness", "sadness"], [], SADNESS, SADNESS),
    ("sadness", ["sadness", "sadness", "sadness"], [], SADNESS, NOTHING),
]


def corpus(name="iemocap", variant="iemocap/all/4exc", heard=HEARD, limits=""):
    utterances = [
        Utterance(
            id=f"u{i:03d}",
            path=None,
            emotion=emotion,
            speaker=f"s{i % 5}",
            votes=tuple(tuple(words.split()) for words in votes),
            self_votes=tuple(tuple(words.split()) for words in own),
        )
        for i, (emotion, votes, own, *_) in enumerate(heard)
    ]
    return Corpus(name=name, variant=variant, utterances=tuple(utterances), limits=limits)


def recorded(seed, heard=HEARD, **changes):
    labels = [CLASSES.index(emotion) for emotion, *_ in heard]
    speakers = [f"s{i % 5}" for i in range(len(heard))]
    test = part(labels, [row[3 + seed] for row in heard], speakers, classes=CLASSES)
    return record(test, **({"classes": list(CLASSES), "seed": seed} | PAPER_S | changes))


def group(*runs):
    return system_results.group(runs)


def listened(*rates):
    emotions = ("anger", "fear")
    return tuple(
        Utterance(id=f"u{i:03d}", path=None, emotion=emotions[i % 2], speaker=f"s{i % 3}", recognition=rate)
        for i, rate in enumerate(rates)
    )
