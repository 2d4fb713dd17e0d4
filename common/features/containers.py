"""Inspect the bytes of audio files: detect truncated files, placeholder sizes in headers, and files that are no audio.

libsndfile takes lengths from headers. Recorders that write into a pipe, or are killed, leave placeholders there, and
the length of an MP3 without a Xing frame is only estimated. `source_of` gives libsndfile a file with the right length.
"""

import io
import itertools
import mmap
import os
import re
import struct
from typing import NamedTuple

import numpy as np
import soundfile

_CHUNKED = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"FORM": ">"}  # form: byte order of its sizes
_SAMPLES = (b"data", b"SSND", b"BODY")  # the chunk that holds them
_SLACK = 1 << 17  # below 2^31 and 2^32: where ffmpeg, sox, GStreamer, VLC and arecord put a size they cannot know

_INSTEAD = (  # first bytes: what such a file is, and what to do
    (rb"version https://git-lfs", "a Git-LFS pointer", "fetch it with `git lfs pull`"),
    (rb"\s*<(!doctype )?html|\s*<\?xml", "a web page, as of a refused download", "download it again"),
    (rb"\0\x05\x16[\0\x07]", "a macOS resource fork", "take the file of the same name without `._`"),
    (rb"....ftyp|....moov", "an MP4 container (video, or AAC sound)", "convert its sound: ffmpeg -i IN OUT.wav"),
    (rb"\x1a\x45\xdf\xa3", "a Matroska or WebM container (video)", "convert its sound: ffmpeg -i IN OUT.wav"),
    (rb"RIFF....AVI |FLV|\x30\x26\xb2\x75|\0\0\x01[\xba\xb3]", "a video", "convert its sound: ffmpeg -i IN OUT.wav"),
    (
        rb"#!AMR|\xff[\xf0\xf1\xf8\xf9]|ADIF",
        "AMR or AAC, which is not decoded here",
        "convert it: ffmpeg -i IN OUT.wav",
    ),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc|Rar!|BZh|\xfd7zXZ", "a packed archive", "unpack it"),
    (rb"%PDF|\x89PNG|\xff\xd8\xff|GIF8|\xd0\xcf\x11\xe0", "a document or picture", "check the list of files"),
    (rb"\0{512}", "zero bytes, as of a copy that was not finished", "copy it again"),
    (rb"[\t\n\r -~]{16,}\Z", "text", "check the list of files"),
)


class Source(NamedTuple):
    """A path or file object for libsndfile to open, and the proof that the file is incomplete, or ""."""

    file: object
    fault: str = ""


def instead_of_sound(path) -> str:
    """The type of an undecodable file and a remedy, as one phrase; "" if its first bytes are not recognised."""
    with open(path, "rb") as file:
        start = file.read(512)
    for grammar, kind, advice in _INSTEAD:
        if re.match(grammar, start, re.DOTALL | re.IGNORECASE):
            return f"{kind}: {advice}"
    return ""


def source_of(path) -> Source:
    """The Source from which libsndfile decodes all samples of a file; for MP3 see `mp3_source`."""
    num_bytes = os.stat(path).st_size
    with open(path, "rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[:4] in _CHUNKED:
            return _chunked(path, file, num_bytes)
        if start[:4] in (b".snd", b"dns."):
            return _au(path, file, num_bytes)
        promised = 0
        if start[:4] == b"riff":
            promised = _sony_wave(file)
        elif start[:7] == b"NIST_1A":
            promised = _sphere(file)
        elif start[:4] == b"OggS":
            return _ogg(path, file, num_bytes)
    return Source(str(path), _missing(promised, num_bytes))


def _missing(promised, num_bytes) -> str:
    return f"{num_bytes} bytes where the header promises {promised}" if promised > num_bytes else ""


def _is_placeholder(size) -> bool:
    """Whether a size is a recorder's placeholder: zero, a power of two, or about the largest possible size."""
    return (
        size == 0
        or (size >= 1 << 24 and size & (size - 1) == 0)
        or any(limit - _SLACK <= size <= limit for limit in (1 << 31, 1 << 32))
        or size >= 1 << 62
    )


def _chunked(path, file, num_bytes) -> Source:
    """Source of a WAV, RF64, AIFF or 8SVX file, which consists of chunks, each with a name and a size."""
    form = file.read(12)
    order, head, long_size, repaired = _CHUNKED[form[:4]], [], None, False
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", header)
        if name in _SAMPLES:
            rest = num_bytes - file.tell()
            stated = long_size if long_size is not None and size == 0xFFFFFFFF else size
            if _is_empty(stated, rest, file):
                return Source(str(path))
            if stated == 0 or repaired:
                stated = stated or rest
                return Source(_rebuilt(form, order, head, name, stated, path, file.tell()))
            return Source(str(path), "" if _is_placeholder(stated) else _missing(file.tell() + stated, num_bytes))
        if size > num_bytes:
            break
        content = file.read(size)
        if name == b"ds64":
            long_size = struct.unpack("<Q", content[8:16])[0]
        else:
            head.append((name, content))
        if size % 2 and file.read(1) != b"\0" and _looks_like_a_chunk(file, num_bytes, file.tell() - 1):
            file.seek(-1, os.SEEK_CUR)  # the recorder forgot that chunks are padded to even length
            repaired = True
    return Source(str(path))


def _is_empty(stated, rest, file) -> bool:
    """Whether a chunk of size 0 is really empty: followed by nothing or by other chunks, and not by samples."""
    return stated == 0 and (rest == 0 or _looks_like_a_chunk(file, file.tell() + rest, file.tell()))


def _looks_like_a_chunk(file, end, at) -> bool:
    back = file.tell()
    file.seek(at)
    header = file.read(8)
    file.seek(back)
    if not re.fullmatch(rb"[A-Za-z][\w ]{3}....", header, re.DOTALL):
        return False
    size = min(int.from_bytes(header[4:], order) for order in ("little", "big"))
    return at + 8 + size <= end or header[:4] in _SAMPLES


def _rebuilt(form, order, head, name, size, path, offset) -> "Spliced":
    """The file with a new header that states the right size, and with padded chunks."""
    chunks = b"".join(
        struct.pack(f"{order}4sI", title, len(content)) + content + b"\0" * (len(content) % 2)
        for title, content in head
    )
    title = b"RIFF" if form[:4] == b"RF64" else form[:4]
    total = struct.pack(f"{order}I", min(4 + len(chunks) + 8 + size, 0xFFFFFFFF))
    samples = struct.pack(f"{order}4sI", name, min(size, 0xFFFFFFFF))
    return Spliced(title + total + form[8:12] + chunks + samples, path, offset)


def _au(path, file, num_bytes) -> Source:
    header = file.read(24)
    if len(header) < 24:
        return Source(str(path))
    offset, size = struct.unpack(">II" if header[:4] == b".snd" else "<II", header[4:12])
    if size == 0 and num_bytes > offset:
        file.seek(0)
        head = bytearray(file.read(offset))
        head[8:12] = b"\xff" * 4
        return Source(Spliced(bytes(head), path, offset))
    return Source(str(path), "" if _is_placeholder(size) else _missing(offset + size, num_bytes))


def _sony_wave(file) -> int:
    """The end of the samples of a W64 file according to its header, in bytes; 0 if it is not stated."""
    file.seek(40)  # two identifiers of 16 bytes, the first followed by the size of all
    while len(header := file.read(24)) == 24:
        size = struct.unpack("<Q", header[16:])[0]
        if header[:4] == b"data":
            return 0 if size <= 24 or _is_placeholder(size - 24) else file.tell() + size - 24
        if size < 24:
            break
        file.seek((size - 24 + 7) // 8 * 8, os.SEEK_CUR)
    return 0


def _sphere(file) -> int:
    """The end of the samples of a NIST SPHERE file according to its header; 0 for compressed codings."""
    text = file.read(1024).decode("latin-1")
    fields = dict(re.findall(r"^(\w+) -\w+ (\S+)", text, re.MULTILINE))
    if fields.get("sample_coding", "pcm") not in ("pcm", "ulaw", "alaw"):
        return 0
    try:
        counts = [int(fields[name]) for name in ("sample_count", "channel_count", "sample_n_bytes")]
        return int(text.split("\n")[1]) + counts[0] * counts[1] * counts[2]
    except (KeyError, ValueError, IndexError):
        return 0


def _ogg(path, file, num_bytes) -> Source:
    """Source of an Ogg file. libsndfile decodes only the first of several streams joined by `cat`."""
    begins, at, ended = [0], 0, False
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while 0 <= at < num_bytes and data[at : at + 4] == b"OggS":
            header = data[at : at + 27]
            count = header[26] if len(header) == 27 else 0
            end = at + 27 + count + sum(data[at + 27 : at + 27 + count])
            if len(header) < 27 or end > num_bytes:
                return Source(str(path), _missing(end, num_bytes))
            if header[5] & 2 and ended:  # a stream begins
                begins.append(at)
            ended = not header[5] & 2
            at = end if data[end : end + 4] == b"OggS" else data.find(b"OggS", end)
    return Source(str(path) if len(begins) == 1 else _joined(path, [*begins, num_bytes]))


def _joined(path, edges) -> io.BytesIO:
    """Parts of a file, each decoded separately, joined to one float WAV in memory."""
    parts = []
    for begin, end in itertools.pairwise(edges):
        with soundfile.SoundFile(Spliced(b"", path, begin, end)) as part:
            parts.append(part.read(dtype="float32", always_2d=True))
            rate = part.samplerate
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), rate, format="RF64", subtype="FLOAT")
    file.seek(0)
    return file


class Spliced(io.RawIOBase):
    """A readable file that consists of `head` and the bytes of another file from `offset` to `end`."""

    def __init__(self, head, path, offset, end=None):
        super().__init__()
        self._head, self._file, self._skipped = head, open(path, "rb"), offset - len(head)
        self._size, self._at = (os.stat(path).st_size if end is None else end) - self._skipped, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self):
        return self._at

    def readinto(self, buffer):
        wanted = max(0, min(len(buffer), self._size - self._at))
        content = self._head[self._at : self._at + wanted]
        if len(content) < wanted:
            self._file.seek(self._at + len(content) + self._skipped)
            content += self._file.read(wanted - len(content))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self):
        self._file.close()
        super().close()


_KBPS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),  # layer III of MPEG-1
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # of MPEG-2 and 2.5
}
_HZ = {3: (44100, 48000, 32000, 0), 2: (22050, 24000, 16000, 0), 0: (11025, 12000, 8000, 0), 1: (0,) * 4}  # by version


def mp3_source(path) -> Source:
    """Source of an MP3, with its length counted frame by frame.

    If a Xing or Info frame states the right number, the file is used unchanged (this frame also has the padding of the
    first and last frame). If it states more, or the last frame is incomplete, the file is truncated.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        first = _next_frame(data, _tag_bytes(data))
        if first is None:
            return Source(str(path))
        count, cut = _count_frames(data, first)
        stated = _stated_frames(data, first)
        begin = first
        if stated is not None:
            begin, count = first + _frame_bytes(data, first), count - 1
        if cut or (stated or 0) > count + 1:  # some encoders count the Xing frame as well
            which = f"of the {stated} that its header states" if stated else "and a part of another"
            return Source(str(path), f"{count} whole MP3 frames {which}")
        if stated is not None and stated >= count:
            return Source(str(path))
        return Source(Spliced(_info_frame(data[first : first + 4], count), path, begin))


def _tag_bytes(data) -> int:
    """Length of the leading ID3v2 tag, whose pictures may contain bytes that look like frames."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


def _frame_bytes(data, at) -> int:
    """Length in bytes of the layer III frame at an offset, 0 if there is none."""
    header = data[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version = header[1] >> 3 & 3
    rate, kbps = _HZ[version][header[2] >> 2 & 3], _KBPS[version == 3][header[2] >> 4]
    return (144 if version == 3 else 72) * kbps * 1000 // rate + (header[2] >> 1 & 1) if rate and kbps else 0


def _next_frame(data, at) -> int | None:
    """Offset of the next frame that is followed by another frame or the end of the file."""
    while (at := data.find(b"\xff", at)) >= 0:
        size = _frame_bytes(data, at)
        if size and (at + size >= len(data) or _frame_bytes(data, at + size)):
            return at
        at += 1
    return None


def _count_frames(data, at) -> tuple[int, bool]:
    """The number of complete frames, and whether the file ends within a frame."""
    count = 0
    while at is not None and at < len(data):
        size = _frame_bytes(data, at)
        if not size:
            at = _next_frame(data, at)
            continue
        if at + size > len(data):
            return count, True
        count, at = count + 1, at + size
    return count, False


def _stated_frames(data, at) -> int | None:
    """The number of frames in a Xing, Info or VBRI frame; 0 if it is not stated, None if this is another frame."""
    version, mono = data[at + 1] >> 3 & 3, data[at + 3] >> 6 == 3
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    tag = at + 4 + side + (0 if data[at + 1] & 1 else 2)
    if data[tag : tag + 4] in (b"Xing", b"Info"):
        return int.from_bytes(data[tag + 8 : tag + 12], "big") if data[tag + 7] & 1 else 0
    if data[at + 36 : at + 40] == b"VBRI":
        return int.from_bytes(data[at + 50 : at + 54], "big")
    return None


def _info_frame(header, count) -> bytes:
    """An Info frame, which has no audio and states the number of following frames."""
    header = bytes(
        [0xFF, header[1] | 1, 0x90 | header[2] & 0x0C, header[3]]
    )  # no checksum, 128 or 80 kbit/s, no padding
    version, mono = header[1] >> 3 & 3, header[3] >> 6 == 3
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    body = header + b"\0" * side + b"Info" + struct.pack(">II", 1, count)
    return body.ljust(_frame_bytes(header, 0), b"\0")
