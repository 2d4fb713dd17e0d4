"""Lengths are counted from what is there; truncated is what the bytes prove."""

import struct

import numpy as np
import pytest
import soundfile

from common.errors import InputError
from common.features import audio

RATE = 16_000
FRAME = 576  # samples of an MP3 frame at 16 kHz
DELAY = 529  # samples that an MP3 decoder takes off the beginning where a header counts the frames


@pytest.fixture(scope="module")
def voice():
    """A tone that rises and falls, 1 s, float32 (N,)."""
    t = np.arange(RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype("float32")


def wav(samples, *, riff=None, data=None, between=b"", behind=b""):
    """A WAV of 16 bit samples whose header states these sizes."""
    body = (np.round(samples * 32767)).astype("<i2").tobytes()
    sizes = (36 + len(body) if riff is None else riff), (len(body) if data is None else data)
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", sizes[0])
        + b"WAVE"
        + fmt
        + between
        + b"data"
        + struct.pack("<I", sizes[1])
        + body
        + behind
    )


PLACEHOLDERS = {
    "ffmpeg": (0xFFFFFFFF, 0xFFFFFFFF),
    "sox": (0x7FFFF024, 0x7FFFF000),
    "arecord": (0x80000024, 0x80000000),
    "gstreamer": (0x7FFF0023, 0x7FFEFFFF),
    "vlc": (0x7FFFFFFF, 0x7FFFFFDB),
    "one GiB": (0x40000024, 0x40000000),
    "killed": (0, 0),
    "killed after the size of all": (32036, 0),
}


@pytest.mark.parametrize("sizes", PLACEHOLDERS.values(), ids=PLACEHOLDERS)
def test_a_size_that_a_recorder_could_not_know(tmp_path, voice, sizes):
    (tmp_path / "a.wav").write_bytes(wav(voice, riff=sizes[0], data=sizes[1]))
    assert audio.duration(tmp_path / "a.wav") == (RATE, RATE)
    np.testing.assert_allclose(audio.read(tmp_path / "a.wav")[0], voice, atol=1 / 32767)
    part, _ = audio.read(tmp_path / "a.wav", start_s=0.25, end_s=0.5)
    np.testing.assert_allclose(part, voice[4000:8000], atol=1 / 32767)


def test_a_size_that_is_a_promise(tmp_path, voice):
    (tmp_path / "a.wav").write_bytes(wav(voice, riff=100_036, data=100_000))
    with pytest.raises(InputError, match="truncated, 32044 bytes where the header promises 100044"):
        audio.read(tmp_path / "a.wav")


def test_no_samples_and_another_chunk(tmp_path, voice):
    (tmp_path / "a.wav").write_bytes(wav(voice[:0], behind=b"LIST\x04\0\0\0INFO"))
    with pytest.raises(InputError, match="without a single sample"):
        audio.read(tmp_path / "a.wav")


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_a_chunk_of_odd_length_with_and_without_its_padding(tmp_path, voice, pad):
    (tmp_path / "a.wav").write_bytes(wav(voice, between=b"LIST\x05\0\0\0abcde" + pad))
    np.testing.assert_allclose(audio.read(tmp_path / "a.wav")[0], voice, atol=1 / 32767)


def resized(path, at, form, size):
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at(content), size)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "container", "at", "form"),
    [
        ("a.au", "AU", lambda c: 8, ">I"),
        ("a.wav", "RF64", lambda c: c.index(b"ds64") + 16, "<Q"),
        ("a.w64", "W64", lambda c: c.index(b"data") + 16, "<Q"),
    ],
)
def test_other_containers_whose_recorder_was_killed_or_whose_end_is_missing(tmp_path, voice, name, container, at, form):
    path = tmp_path / name
    soundfile.write(path, voice, RATE, format=container, subtype="PCM_16")
    whole = path.read_bytes()
    resized(path, at, form, 0)
    assert audio.duration(path) == (RATE, RATE)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=f"truncated, {len(whole) // 2} bytes where the header promises {len(whole)}"):
        audio.read(path)


def test_a_sphere_file_whose_end_is_missing(tmp_path, voice):
    soundfile.write(tmp_path / "a.sph", voice, RATE, format="NIST", subtype="PCM_16")
    whole = (tmp_path / "a.sph").read_bytes()
    assert audio.duration(tmp_path / "a.sph") == (RATE, RATE)
    (tmp_path / "a.sph").write_bytes(whole[:-2])
    with pytest.raises(InputError, match="truncated, 33022 bytes where the header promises 33024"):
        audio.read(tmp_path / "a.sph")


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
def test_ogg_chained_and_cut_within_a_page(tmp_path, voice, coding):
    path = tmp_path / "a.ogg"
    soundfile.write(path, voice, RATE, format="OGG", subtype=coding)
    whole = path.read_bytes()
    path.write_bytes(whole + whole)
    assert audio.duration(path)[0] == 2 * RATE
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        audio.read(path)


@pytest.fixture
def mp3(tmp_path, voice):
    """An MP3 of variable bit rate: its path, its Xing frame, its other frames. Silence first, so that guesses fail."""
    path = tmp_path / "a.mp3"
    soundfile.write(path, np.concatenate([np.zeros(RATE, "float32"), voice]), RATE, format="MP3")
    content = path.read_bytes()
    starts = [i for i in range(len(content) - 1) if content[i : i + 2] == content[:2]]
    return path, content[: starts[1]], [content[a:b] for a, b in zip(starts[1:], [*starts[2:], None], strict=True)]


def test_mp3_with_a_xing_frame(mp3):
    path, _, _ = mp3
    assert audio.duration(path) == (2 * RATE, RATE)
    assert len(audio.read(path)[0]) == 2 * RATE


@pytest.mark.parametrize("tail", [b"", b"TAG" + b"\0" * 125])
def test_mp3_without_xing_frame_is_as_long_as_its_frames(mp3, voice, tail):
    path, _, frames = mp3
    path.write_bytes(b"".join(frames) + tail)
    length = len(frames) * FRAME - DELAY
    assert audio.duration(path) == (length, RATE)
    waveform, _ = audio.read(path)
    assert len(waveform) == length
    start = np.correlate(waveform, voice, "valid").argmax()
    assert np.corrcoef(waveform[start : start + RATE], voice)[0, 1] > 0.99, "all of the voice is there"
    part, _ = audio.read(path, start_s=1.5, end_s=2.0)
    np.testing.assert_allclose(part, waveform[24_000:32_000], atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_of_other_rates_and_modes_behind_a_tag_with_a_picture(tmp_path, rate, channels, mode):
    path = tmp_path / "a.mp3"
    sound = 0.3 * np.sin(np.arange(2 * rate)[:, None] / np.arange(9, 9 + channels))
    soundfile.write(path, sound, rate, format="MP3", bitrate_mode=mode)
    content = path.read_bytes()
    starts = [
        i
        for i in range(len(content) - 4)
        if content[i : i + 2] == content[:2] and content[i + 3] >> 6 == content[3] >> 6
    ]
    picture = b"\xff\xf3\x88\xc4" * 500
    tag = b"ID3\x03\0\0" + bytes([0, 0, len(picture) >> 7, len(picture) & 0x7F]) + picture
    path.write_bytes(tag + content[starts[1] :])
    length, found_rate = audio.duration(path)
    samples = 1152 if rate > 32_000 else 576
    assert found_rate == rate and 0 <= length + DELAY - 2 * rate < 4 * samples, "padding of the first and last frame"
    assert len(audio.read(path)[0]) == length


def test_mp3s_joined_by_cat(mp3):
    path, xing, frames = mp3
    path.write_bytes((xing + b"".join(frames)) * 2)
    assert audio.duration(path)[0] == (2 * len(frames) + 1) * FRAME - DELAY
    assert len(audio.read(path)[0]) == audio.duration(path)[0]


def test_mp3_cut_between_and_within_frames(mp3):
    path, xing, frames = mp3
    path.write_bytes(xing + b"".join(frames[:40]))
    with pytest.raises(InputError, match=f"truncated, 40 whole MP3 frames of the {len(frames)} that its header states"):
        audio.read(path)
    path.write_bytes(b"".join(frames[:40]))
    assert audio.duration(path)[0] == 40 * FRAME - DELAY
    path.write_bytes(b"".join(frames[:40]) + frames[40][:-1])
    with pytest.raises(InputError, match="truncated, 40 whole MP3 frames and a part of another"):
        audio.read(path)


def test_an_mp3_beside_the_resource_fork_that_macos_leaves(mp3):
    path, _, _ = mp3
    fork = struct.pack(">IIII8xHIIIIII", 0x00051607, 0x20000, 0, 0, 2, 9, 50, 32, 2, 82, 286) + bytes(318)
    path.with_name("._a.mp3").write_bytes(fork)
    assert audio.duration(path) == (2 * RATE, RATE)
    with pytest.raises(InputError, match="a macOS resource fork"):
        audio.read(path.with_name("._a.mp3"))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 72862\n",
            "a Git-LFS pointer: .*git lfs pull",
        ),
        (b"<!DOCTYPE html><html>quota exceeded</html>", "a web page"),
        (b"\n<html><body>login", "a web page"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0" + b"\0" * 500, "an MP4 container"),
        (b"\x1a\x45\xdf\xa3\x01" + b"\0" * 500, "a Matroska or WebM container"),
        (b"RIFF\x10\0\0\0AVI LIST" + b"\0" * 500, "a video"),
        (b"\0" * 4096, "zero bytes"),
        (b"PK\x03\x04" + b"\0" * 500, "a packed archive"),
        (b"id,file\n1,a.wav\n", "text"),
    ],
)
def test_what_it_is_instead_of_a_recording(tmp_path, content, cause):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.wav: not a recording but {cause}"):
        audio.read(tmp_path / "a.wav")
