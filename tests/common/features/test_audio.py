import subprocess
import sys

import numpy as np
import pytest
import soundfile

from common.errors import InputError
from common.features import audio

RATE = 16000


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_sample_format_of_wav_gives_the_same_waveform(tmp_path, tone, subtype):
    soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype=subtype)
    waveform, rate = audio.read(tmp_path / "a.wav")
    assert rate == RATE and waveform.dtype == np.float32 and waveform.flags.c_contiguous
    np.testing.assert_allclose(waveform, tone(), atol=1 / 127 if subtype == "PCM_U8" else 1 / 32767)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.FLAC", "Grüße 日本.wav"])
def test_containers_and_names(tmp_path, tone, name):
    soundfile.write(tmp_path / name, tone(), RATE)
    assert audio.read(tmp_path / name)[0].shape == (3200,)


@pytest.mark.parametrize("channels", [2, 6])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_mono_is_the_mean_of_the_channels(tmp_path, tone, channels, suffix):
    samples = tone()[:, None] * np.arange(channels) / channels  # (N, C)
    path = tmp_path / f"surround.{suffix}"
    soundfile.write(path, samples, RATE, subtype="PCM_24")
    np.testing.assert_allclose(audio.read(path)[0], samples.mean(axis=1), atol=1e-6)


def test_a_stretch_is_the_same_samples_as_in_the_whole(tmp_path, tone):
    soundfile.write(tmp_path / "a.flac", tone(1.0), RATE)
    whole, _ = audio.read(tmp_path / "a.flac")
    part, _ = audio.read(tmp_path / "a.flac", start_s=0.25, end_s=0.5)
    np.testing.assert_array_equal(part, whole[4000:8000])
    np.testing.assert_array_equal(audio.read(tmp_path / "a.flac", start_s=0.75)[0], whole[12000:])
    np.testing.assert_array_equal(audio.read(tmp_path / "a.flac", end_s=0.5)[0], whole[:8000])
    assert len(audio.read(tmp_path / "a.flac", start_s=0.5, end_s=1.024)[0]) == 8000, "within one analysis frame"


def test_resampling_keeps_the_tone_and_returns_the_new_rate(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", tone(1.0, 48000), 48000)
    waveform, rate = audio.read(tmp_path / "a.wav", sample_rate_hz=RATE)
    assert rate == RATE and len(waveform) == RATE and waveform.dtype == np.float32
    np.testing.assert_allclose(waveform[800:-800], tone(1.0, RATE)[800:-800], atol=1e-3)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ({"start_s": 0.5, "end_s": 0.5}, "expected 0 <= start < end"),
        ({"start_s": -0.1}, "expected 0 <= start < end"),
        ({"start_s": float("nan")}, "expected 0 <= start < end"),
        ({"start_s": 2.0}, "expected 0 <= start < end"),
        ({"end_s": 1.1}, r"ends at 1.1 s, the file at 1.000 s"),
        ({"start_s": 0.5, "end_s": 0.55}, "0.050 s of audio; expected at least 0.1 s"),
    ],
)
def test_a_stretch_that_is_not_in_the_file(tmp_path, tone, times, message):
    soundfile.write(tmp_path / "a.wav", tone(1.0), RATE)
    with pytest.raises(InputError, match=rf"a\.wav.*{message}"):
        audio.read(tmp_path / "a.wav", **times)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_exactly_the_shortest_length_is_enough(tmp_path, tone, rate):
    soundfile.write(tmp_path / "a.wav", tone(audio.MIN_SECONDS, rate), rate)
    assert len(audio.read(tmp_path / "a.wav")[0]) == round(audio.MIN_SECONDS * rate)


def refused(path, message, **times):
    with pytest.raises(InputError, match=message) as caught:
        audio.read(path, **times)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_not_audio(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("Dear diary, " * 100)
    refused(path, "not a recording but text: check the list of files")
    path.write_bytes(bytes(range(256)) * 4)
    refused(path, "not audio that can be decoded .*Format not recognised")
    (tmp_path / "a.raw").write_bytes(b"12345678" * 100)
    refused(tmp_path / "a.raw", "headerless audio")
    refused(tmp_path, "found a folder")
    refused(tmp_path / "b.wav", "expected an audio file, found nothing")


def test_empty_file(tmp_path):
    (tmp_path / "a.wav").touch()
    refused(tmp_path / "a.wav", "empty")


def test_no_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    refused(tmp_path / "a.wav", "without a single sample")


def test_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    refused(tmp_path / "a.wav", "silent throughout; expected speech")
    soundfile.write(tmp_path / "b.wav", np.zeros(RATE), RATE, subtype="PCM_U8")
    refused(tmp_path / "b.wav", "silent throughout")
    refused(tmp_path / "a.wav", "silent throughout", start_s=0.2, end_s=0.5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite(tmp_path, tone, value):
    samples = np.stack([tone(), tone()], axis=1)
    samples[5] = value, -value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    refused(tmp_path / "a.wav", "2 samples are NaN or infinite")


def test_too_short(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", tone(0.05), RATE)
    refused(tmp_path / "a.wav", "0.050 s of audio")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("times", [{}, {"start_s": 0.1, "end_s": 0.3}])
def test_truncated_wav_even_where_the_stretch_is_there(tmp_path, tone, subtype, times):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0), RATE, subtype=subtype)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, f"truncated, {len(content) // 2} bytes where the header promises {len(content)}", **times)


def test_wav_truncated_right_behind_its_header(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:44])
    refused(tmp_path / "b.wav", "truncated")
    (tmp_path / "c.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:30])
    refused(tmp_path / "c.wav", "not audio")


@pytest.mark.parametrize("suffix", ["flac", "aiff"])
def test_truncated_in_other_containers(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 2 * RATE), RATE)
    path.write_bytes(path.read_bytes()[:20000])
    refused(path, "truncated" if suffix == "aiff" else "not audio that can be decoded|truncated")


def test_wav_with_other_chunks_before_and_behind_the_samples(tmp_path, tone):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE)
    content = path.read_bytes()
    odd = b"junk" + (5).to_bytes(4, "little") + b"\0" * 6  # a chunk of odd length is padded
    body = content[8:12] + odd + content[12:] + b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert len(audio.read(path)[0]) == 3200
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, "truncated")


def test_streamed_wav_whose_header_could_not_know_the_length(tmp_path, tone):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    path.write_bytes(content)
    assert len(audio.read(path)[0]) == 3200


def test_streamed_flac_whose_header_leaves_the_length_open(tmp_path, tone):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO's number of samples
    content[22:26] = b"\0" * 4
    path.write_bytes(content)
    assert audio.duration(path) == (3200, RATE)
    np.testing.assert_allclose(audio.read(path)[0], tone(), atol=1 / 32767)
    np.testing.assert_allclose(audio.read(path, start_s=0.05, end_s=0.2)[0], tone()[800:], atol=1 / 32767)
    assert len(audio.content_hash(path)) == 64


def test_duration(tmp_path, tone):
    soundfile.write(tmp_path / "a.flac", tone(0.5), RATE)
    assert audio.duration(tmp_path / "a.flac") == (8000, RATE)


CODINGS = [
    (container, coding)
    for container in soundfile.available_formats()
    if container != "RAW"  # has no header
    for coding in soundfile.available_subtypes(container)
]


def written(path, tone, container, coding):
    """The tone in this coding at 16 kHz, or at 8 kHz, which is all that some take; skips what is not written at all."""
    for rate in (RATE, 8000):
        try:
            soundfile.write(path, tone(0.5, rate), rate, format=container, subtype=coding)
            return rate
        except (soundfile.LibsndfileError, ValueError):
            path.unlink(missing_ok=True)
    pytest.skip(f"libsndfile does not write {coding} in {container}")


@pytest.mark.parametrize(("container", "coding"), CODINGS)
def test_every_coding_that_libsndfile_writes_is_read(tmp_path, tone, container, coding):
    rate = written(tmp_path / "a.bin", tone, container, coding)
    waveform, found_rate = audio.read(tmp_path / "a.bin")
    assert 0 <= len(waveform) - round(0.5 * rate) < 500, "codings in blocks fill the last one"
    if container not in ("WVE", "XI"):  # whose rate is always the same
        assert abs(found_rate - rate) <= 129, "VOC keeps a period in microseconds"
    rest = waveform[: round(0.5 * rate)]
    assert np.corrcoef(rest, tone(0.5, rate)[: len(rest)])[0, 1] > 0.99
    if len(waveform) / found_rate > 0.3:
        part, _ = audio.read(tmp_path / "a.bin", start_s=0.1, end_s=0.3)
        np.testing.assert_allclose(part, waveform[round(0.1 * found_rate) :][: len(part)], atol=0.01)


def test_one_channel_of_a_call(tmp_path, tone):
    caller, called = tone(), 0.5 * tone()[::-1]
    soundfile.write(tmp_path / "call.wav", np.stack([caller, called], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(tmp_path / "call.wav", channel=1)[0], caller)
    np.testing.assert_array_equal(audio.read(tmp_path / "call.wav", channel=2)[0], called)
    refused(tmp_path / "call.wav", "channel 3 of 2; expected a number from 1 to 2", channel=3)
    refused(tmp_path / "call.wav", "channel 0 of 2", channel=0)


def test_channels_that_cancel(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", np.stack([tone(), -tone()], axis=1), RATE)
    refused(tmp_path / "a.wav", "channels cancel each other")
    assert len(audio.read(tmp_path / "a.wav", channel=1)[0]) == 3200
    alone = np.zeros((3200, 8), dtype="float32")
    alone[:, 0] = tone()
    soundfile.write(tmp_path / "b.wav", alone, RATE)
    assert np.abs(audio.read(tmp_path / "b.wav")[0]).max() == pytest.approx(0.3 / 8, rel=0.01)


@pytest.mark.parametrize(
    ("scale", "message"),
    [(32768, "samples up to 98.*expected .-1, 1.: divide integers by 32768"), (1e30, "samples up to"), (1e300, "NaN")],
)
def test_floats_that_are_integers_or_overflow(tmp_path, tone, scale, message):
    soundfile.write(tmp_path / "a.wav", tone().astype("float64") * scale, RATE, subtype="DOUBLE")
    refused(tmp_path / "a.wav", message)


def test_a_rate_that_holds_no_speech(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", tone(1.0), 1)
    refused(tmp_path / "a.wav", "1 samples a second; expected 4000 or more")


def test_fingerprint_is_the_sha256_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert audio.fingerprint(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(InputError, match="cannot be read"):
        audio.fingerprint(tmp_path / "b")


def test_content_hash_sees_the_samples_not_the_container(tmp_path, tone):
    samples = np.round(tone(1.0) * 32767).astype("int16")
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    soundfile.write(tmp_path / "f.wav", samples.astype("float32") / 32768, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "part.wav", samples[4000:8000], RATE)
    soundfile.write(tmp_path / "faster.wav", samples, 2 * RATE)
    same = {audio.content_hash(tmp_path / name) for name in ("a.wav", "a.flac", "f.wav")}
    assert len(same) == 1
    assert audio.content_hash(tmp_path / "faster.wav") not in same
    assert audio.content_hash(tmp_path / "part.wav") not in same
    assert audio.content_hash(tmp_path / "part.wav") == audio.content_hash(tmp_path / "a.flac", 0.25, 0.5)


def test_content_hash_tells_float_files_apart(tmp_path, tone):
    soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", tone() / 2, RATE, subtype="FLOAT")
    assert audio.content_hash(tmp_path / "a.wav") != audio.content_hash(tmp_path / "b.wav")


def test_content_hash_does_not_depend_on_the_block_length(tmp_path, tone, monkeypatch):
    soundfile.write(tmp_path / "a.flac", tone(1.0), RATE)
    whole = audio.content_hash(tmp_path / "a.flac")
    monkeypatch.setattr(audio, "_BLOCK_FRAMES", 999)
    assert audio.content_hash(tmp_path / "a.flac") == whole


def test_importing_audio_and_corpora_is_light():
    code = "import sys, common.corpora; assert 'numpy' not in sys.modules; from common.features import audio; "
    code += "print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "soundfile" in modules
    assert not {"librosa", "keras", "tensorflow", "sklearn"} & set(modules)


@pytest.mark.corpus
def test_real_recordings_mono_and_stereo(corpora_dir):
    mono = next((corpora_dir / "ravdess" / "Actor_02").iterdir())
    stereo = corpora_dir / "ravdess" / "Actor_01" / "03-01-02-01-01-02-01.flac"
    for path in (mono, stereo):
        waveform, rate = audio.read(path, sample_rate_hz=RATE)
        assert waveform.ndim == 1 and rate == RATE and 2 < len(waveform) / RATE < 6
