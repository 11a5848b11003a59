# SPDX-License-Identifier: MIT
"""Numbers in headers: each that is believed, in each container, absurd, costs nothing."""

import io
import json
import struct
import subprocess
import sys

import numpy as np
import pytest

from unsung.audio.read import open_audio
from unsung.audio.tags import file_tags, provenance
from unsung.errors import UnreadableAudio

from .helpers import drain, m4a, music, save

SOUND = music(0.4)
MANY = 85_000_000

RUN = """
import json, resource, sys, time
from unsung.audio.memory import bound_memory
from unsung.audio.read import open_audio
from unsung.audio.tags import provenance
from unsung.errors import AudioError
import av, soundfile, soxr  # what is mapped once is no cost of a file
bound_memory(512 << 20)
def peak_kib():
    # ru_maxrss keeps what the process that started this one held; VmHWM begins anew.
    try:
        lines = open("/proc/self/status").read().splitlines()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
for path in sys.argv[1:]:
    began = time.process_time()
    try:
        with open_audio(path) as stream:
            heard = sum(len(block) for block in stream.blocks()) / stream.info.sample_rate_hz
        said = "heard"
        provenance(path)
    except AudioError as error:
        heard, said = 0.0, type(error).__name__
    peak_mib = peak_kib() >> 10
    print(json.dumps([time.process_time() - began, peak_mib, heard, said]))
"""


def put(data, at, layout, *values):
    """Write values into a header."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, *values)
    return bytes(changed)


def raw(tmp_path, kind, rate_hz=44100):
    return save(tmp_path / f"x.{kind}", music(0.4, rate_hz), rate_hz, kind).read_bytes()


def id3(frames: bytes, version=3) -> bytes:
    n = len(frames)
    return b"ID3" + bytes([version, 0, 0, n >> 21 & 127, n >> 14 & 127, n >> 7 & 127, n & 127])


def txxx(count):
    body = [b"\x03%08d\x00value" % number for number in range(count)]
    return b"".join(b"TXXX" + struct.pack(">IH", len(text), 0) + text for text in body)


def comments(count):
    texts = [b"K%07d=value" % number for number in range(count)]
    listed = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack("<I", 4) + b"none" + struct.pack("<I", count) + listed


def ape(count):
    items = b"".join(struct.pack("<II", 5, 0) + b"K%07d\x00value" % n for n in range(count))
    foot = b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, count, 0) + bytes(8)
    return items + foot


def ogg_pages(data, packet):
    """Put another comment packet in the place of the second page: as many pages as it takes."""
    first = page_end(data, 0)
    lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
    made = []
    for number, at in enumerate(range(0, len(lacing), 255)):
        piece = lacing[at : at + 255]
        body = packet[at * 255 : at * 255 + sum(piece)]
        head = b"OggS\x00" + bytes([1 if number else 0]) + bytes(8) + data[14:18]
        head += struct.pack("<I", number + 1) + bytes(4) + bytes([len(piece)]) + bytes(piece)
        made.append(head[:22] + struct.pack("<I", crc(head + body)) + head[26:] + body)
    return data[:first] + b"".join(made) + data[page_end(data, first) :]


def page_end(data, at):
    segments = data[at + 26]
    return at + 27 + segments + sum(data[at + 27 : at + 27 + segments])


TABLE = [0] * 256
for number in range(256):
    value = number << 24
    for _ in range(8):
        value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
    TABLE[number] = value


def crc(page):
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ TABLE[value >> 24 ^ byte]
    return value


def mp4(field):
    data = m4a(SOUND)
    stts, stsz = data.find(b"stts"), data.find(b"stsz")
    if field == "stts":
        return put(data, stts + 12, ">I", MANY)
    if field == "stsz":
        return put(data, stsz + 12, ">I", MANY)
    if field == "constant stsz":
        return put(data, stsz + 8, ">II", 1, MANY)
    if field == "both":
        return put(put(data, stts + 12, ">I", MANY), stsz + 8, ">II", 200, MANY)
    if field == "rate":
        return put(data, data.find(b"mp4a") + 28, ">I", 0xFFFFFFFF)
    at = data.find(field)
    return put(data, at + 8, ">I", 0x7FFFFFFF)


def numbers(tmp_path):
    """Yield (name, bytes) for every number of a header that a decoder believes."""
    rates = (0, 1, 3999, 768_001, 268_000_000, 2**31 - 1, 2**32 - 1)
    wav, aiff, au = raw(tmp_path, "wav"), raw(tmp_path, "aiff"), raw(tmp_path, "au")
    w64, rf64 = m4a(SOUND, codec="pcm_s16le", container="w64"), raw(tmp_path, "rf64")
    caf = m4a(SOUND, codec="pcm_s16be", container="caf")
    avi = m4a(SOUND, codec="pcm_s16le", container="avi")
    for rate_hz in rates:
        yield f"wav rate {rate_hz}", put(wav, 24, "<I", rate_hz)
        yield f"rf64 rate {rate_hz}", put(rf64, rf64.find(b"fmt ") + 12, "<I", rate_hz)
        yield f"w64 rate {rate_hz}", put(w64, w64.find(b"fmt ") + 28, "<I", rate_hz)
        yield f"au rate {rate_hz}", put(au, 16, ">I", rate_hz)
        yield f"caf rate {rate_hz}", put(caf, caf.find(b"desc") + 12, ">d", float(rate_hz))
        yield f"avi rate {rate_hz}", put(avi, avi.find(b"strf", 200) + 12, "<I", rate_hz)
    for exponent in (0x0000, 0x3FFF, 0x401D, 0x4060, 0x7FFF):
        yield f"aiff rate 2^{exponent:x}", put(aiff, aiff.find(b"COMM") + 16, ">H", exponent)
    for channels in (0, 257, 1024, 65535):
        yield f"wav channels {channels}", put(wav, 22, "<H", channels)
        yield f"w64 channels {channels}", put(w64, w64.find(b"fmt ") + 26, "<H", channels)
        yield f"aiff channels {channels}", put(aiff, aiff.find(b"COMM") + 8, ">H", channels)
        yield f"au channels {channels}", put(au, 20, ">I", channels)
        yield f"caf channels {channels}", put(caf, caf.find(b"desc") + 40, ">I", channels)
    for bits in (0, 64, 65535):
        yield f"wav bits {bits}", put(wav, 34, "<H", bits)
    yield "wav block 0", put(wav, 32, "<H", 0)
    yield "wav fmt length", put(wav, 16, "<I", 0x7FFFFFF0)
    yield "caf packets", caf[:60] + b"pakt" + struct.pack(">qqqii", 24, 1 << 60, 1, 0, 0) + caf[60:]
    flac = raw(tmp_path, "flac")
    for rate_hz in (0, 1, 1_048_575):
        word = int.from_bytes(flac[18:26], "big") & ((1 << 44) - 1)
        yield (
            f"flac rate {rate_hz}",
            flac[:18] + (rate_hz << 44 | word).to_bytes(8, "big") + flac[26:],
        )
    yield "flac samples", put(flac, 18, ">Q", struct.unpack(">Q", flac[18:26])[0] | (1 << 36) - 1)
    yield "flac block length", flac[:42] + b"\x06\xff\xff\xff" + flac[42:]
    ogg, opus = raw(tmp_path, "ogg"), raw(tmp_path, "opus", 48000)
    yield "vorbis rate", put(ogg, ogg.find(b"\x01vorbis") + 12, "<I", 2**32 - 1)
    yield "opus channels", put(opus, opus.find(b"OpusHead") + 9, "<B", 255)
    mp3 = raw(tmp_path, "mp3")
    tag = max(mp3.find(b"Xing"), mp3.find(b"Info"))
    yield "xing frames", put(mp3, tag + 8, ">I", 2**32 - 1)
    yield "xing bytes", put(mp3, tag + 12, ">I", 2**32 - 1)
    yield "id3 size", b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + mp3
    yield (
        "ape size",
        mp3 + b"APETAGEX" + struct.pack("<IIII", 2000, 2**32 - 1, 2**32 - 1, 0) + bytes(8),
    )
    for field in ("stts", "stsz", "constant stsz", "both", "rate", b"stsc", b"stco", b"elst"):
        yield f"mp4 {field}", mp4(field)
    mkv = m4a(SOUND, codec="libopus", container="matroska", rate_hz=48000)
    at = mkv.find(b"\xb5\x88")
    yield "mkv rate", put(mkv, at + 2, ">d", 1e12)
    yield "mkv segment", mkv.replace(b"\x18\x53\x80\x67\x01", b"\x18\x53\x80\x67\x00", 1)
    # Tags: as many as a file may hold, in every container that has some.
    frames = txxx(100_000)
    yield "mp3 100,000 TXXX", id3(frames) + frames + mp3
    yield "flac behind 100,000 TXXX", id3(frames) + frames + flac
    yield "mp3 with 100,000 APE items", mp3 + ape(100_000)
    yield (
        "wav with 100,000 TXXX",
        wav + b"id3 " + struct.pack("<I", len(frames) + 10) + id3(frames) + frames,
    )
    yield (
        "aiff with 100,000 TXXX",
        aiff + b"ID3 " + struct.pack(">I", len(frames) + 10) + id3(frames) + frames,
    )
    text = comments(100_000)
    yield (
        "flac with 100,000 comments",
        flac[:42] + b"\x04" + len(text).to_bytes(3, "big") + text + flac[42:],
    )
    yield "opus with 100,000 comments", ogg_pages(opus, b"OpusTags" + text)
    info = b"".join(b"I%03x" % (n % 4096) + struct.pack("<I", 2) + b"v\x00" for n in range(200_000))
    yield "wav with 200,000 INFO", wav + b"LIST" + struct.pack("<I", len(info) + 4) + b"INFO" + info


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    """Read every file in one process of bounded memory: name → (CPU s, seconds heard, outcome)."""
    folder = tmp_path_factory.mktemp("headers")
    names, paths = [], []
    for number, (name, data) in enumerate(numbers(folder)):
        names.append(name)
        paths.append(str(folder / f"{number}.bin"))
        (folder / f"{number}.bin").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", RUN, *paths], capture_output=True, text=True, check=False
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == len(names), done.stderr[-2000:]
    return dict(zip(names, rows, strict=True))


def test_no_number_in_a_header_costs_time_or_memory(costs):
    for name, (cpu_s, peak_mib, heard_s, _) in costs.items():
        assert cpu_s < 8, name
        assert peak_mib < 400, name
        assert heard_s < 1, name


def test_absurd_rates_channels_and_indexes_are_refused(costs):
    refused = ("rate 1", "rate 0", "rate 2", "rate 4", "rate 3999", "rate 768001", "channels ")
    for name, (_, _, _, outcome) in costs.items():
        if (
            any(word in name for word in refused) and name != "flac rate 0"
        ):  # FFmpeg asks the frames
            assert outcome in ("UnreadableAudio", "EmptyAudio"), name
    for name in ("mp4 stts", "mp4 stsz", "mp4 constant stsz", "mp4 both"):
        assert costs[name][3] == "UnreadableAudio", name


def test_a_flood_of_tags_costs_the_tags_and_not_the_sound(costs):
    floods = [name for name in costs if "00,000" in name]
    assert len(floods) == 8
    for name in floods:
        assert costs[name][2:] == [pytest.approx(0.4, abs=0.03), "heard"], name


@pytest.mark.parametrize("rate_hz", [4000, 8000, 384_000, 768_000])
def test_rates_within_the_range_are_read(tmp_path, rate_hz):
    got, stream, _ = drain(save(tmp_path / "x.wav", music(0.1, rate_hz, 1), rate_hz))
    assert (len(got), stream.info.sample_rate_hz) == (round(0.1 * rate_hz), rate_hz)


def test_blocks_of_many_channels_are_short(tmp_path):
    path = save(tmp_path / "x.wav", np.zeros((256, 96_000), np.float32), 768_000)
    with open_audio(path) as stream:
        lengths = [len(block) for block in stream.blocks()]
    assert sum(lengths) == 96_000
    assert max(lengths) <= (1 << 24) // 256


def test_tags_within_reason_are_read(tmp_path):
    mp3 = raw(tmp_path, "mp3")
    frames = txxx(50) + b"APIC" + struct.pack(">IH", 2 << 20, 0) + bytes(2 << 20)
    path = tmp_path / "x.mp3"
    path.write_bytes(id3(frames) + frames + mp3)
    assert file_tags(path)["00000049"] == "value"
    path.write_bytes(id3(txxx(5000)) + txxx(5000) + mp3)
    assert not any(name.startswith("0") for name in file_tags(path))
    assert any(hint.kind == "encoder" for hint in provenance(path))


def test_a_fragment_cannot_state_more_packets_than_bytes():
    data = m4a(SOUND)
    run = struct.pack(">I4sII", 16, b"trun", 0, 1 << 30)
    inner = struct.pack(">I4s", 8 + len(run), b"traf") + run
    box = struct.pack(">I4s", 8 + len(inner), b"moof") + inner
    with pytest.raises(UnreadableAudio):
        open_audio(io.BytesIO(data + box))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps the bound")
def test_a_bound_of_memory_is_kept():
    code = (
        "import numpy as np; from unsung.audio.memory import bound_memory; bound_memory(64 << 20)\n"
        "held = np.ones(32 << 17)\n"
        "try: np.ones(128 << 17)\n"
        "except MemoryError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "refused"
