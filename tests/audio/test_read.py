# SPDX-License-Identifier: MIT
import io
import os
import struct
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile

from unsung.audio.files import sha256_file
from unsung.audio.read import AudioInfo, open_audio, read_clip
from unsung.errors import UsageError

from .helpers import SNDFILE, drain, lag, m4a, music, save

LOSSLESS = {"wav": 4e-5, "u8": 8e-3, "s24": 2e-7, "s32": 1e-7, "f32": 0, "f64": 1e-7}
LOSSLESS |= {"aiff": 4e-5, "au": 4e-5, "rf64": 4e-5, "flac": 4e-5}


@pytest.mark.parametrize("kind", SNDFILE)
def test_blocks_give_back_what_was_written(tmp_path, kind):
    rate_hz = 48000 if kind == "opus" else 44100
    x = music(2.5, rate_hz)
    got, stream, count = drain(save(tmp_path / "x.bin", x, rate_hz, kind), mono=False)
    assert count == 2
    assert got.shape == x.shape
    assert got.dtype == np.float32
    assert stream.problem is None
    assert stream.notes == ()
    assert stream.duration_s == pytest.approx(2.5, abs=0.02)
    if kind in LOSSLESS:
        assert np.abs(got - x).max() <= LOSSLESS[kind]
    else:
        assert np.corrcoef(got[0], x[0])[0, 1] > 0.98
        assert lag(x[0], got[0]) == 0


@pytest.mark.parametrize(
    ("kind", "codec", "container", "decoder"),
    [
        ("wav", "pcm_s16le", "wav", "libsndfile"),
        ("u8", "pcm_u8", "wav", "libsndfile"),
        ("f64", "pcm_f64le", "wav", "libsndfile"),
        ("aiff", "pcm_s16be", "aiff", "libsndfile"),
        ("flac", "flac", "flac", "libsndfile"),
        ("mp3", "mp3", "mp3", "libsndfile"),
        ("ogg", "vorbis", "ogg", "pyav"),
        ("opus", "opus", "ogg", "libsndfile"),
    ],
)
def test_info_names_codec_and_container(tmp_path, kind, codec, container, decoder):
    path = save(tmp_path / "x", music(1, 48000), 48000, kind)
    with open_audio(path) as stream:
        info = stream.info
    assert (info.codec, info.container, info.decoder) == (codec, container, decoder)
    assert (info.sample_rate_hz, info.channels) == (48000, 2)
    assert AudioInfo.from_dict(info.to_dict()) == info
    if kind == "wav":
        assert info.bitrate_kbps == pytest.approx(1536, rel=0.01)


def test_mono_is_the_equal_weight_mean(tmp_path):
    for channels in (1, 2, 3, 8):
        x = music(1, 8000, channels)
        mono, _, _ = drain(save(tmp_path / "x.wav", x, 8000, "f32"))
        np.testing.assert_allclose(mono, x.mean(0), atol=1e-6)
    stereo = save(tmp_path / "x.ogg", music(1), kind="ogg")
    mono, _, _ = drain(stereo)
    both, _, _ = drain(stereo, mono=False)
    np.testing.assert_array_equal(mono, (both[0] + both[1]) * np.float32(0.5))


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "ogg", "opus"])
def test_block_length_does_not_change_the_sound(tmp_path, kind):
    path = save(tmp_path / "x", music(2, 48000), 48000, kind)
    long, _, _ = drain(path, block_s=10)
    short, _, count = drain(path, block_s=0.0333)
    assert count > 50
    np.testing.assert_array_equal(long, short)


def test_blocks_are_fresh_arrays(tmp_path):
    for kind in ("f32", "ogg"):
        path = save(tmp_path / "x", music(1, 8000, 1), 8000, kind)
        kept, _, _ = drain(path, block_s=0.25)
        with open_audio(path) as stream:
            for block in stream.blocks(0.25):
                block[:] = 7  # must not reach into the decoder's buffer
        again, _, _ = drain(path, block_s=0.25)
        np.testing.assert_array_equal(kept, again)
        np.testing.assert_array_equal(kept, drain(path, block_s=5)[0])


@pytest.mark.parametrize("rate_hz", [8000, 11025, 96000, 192000])
def test_sample_rates(tmp_path, rate_hz):
    x = music(0.6, rate_hz, 1)
    got, stream, _ = drain(save(tmp_path / "x", x, rate_hz, "s24"))
    assert stream.info.sample_rate_hz == rate_hz
    assert len(got) == x.shape[1]


def test_the_name_says_nothing(tmp_path):
    x = music(1)
    for kind, name in (("flac", "a.mp3"), ("wav", "a.ogg"), ("mp3", "a.wav"), ("ogg", "a.raw")):
        got, stream, _ = drain(save(tmp_path / name, x, kind=kind))
        assert len(got) == 44100
        assert stream.problem is None
        assert stream.info.container == kind


@pytest.mark.parametrize(
    ("codec", "container", "video", "expected"),
    [
        ("aac", "mp4", False, "mp4"),
        ("aac", "adts", False, "aac"),
        ("alac", "mp4", False, "mp4"),
        ("aac", "mp4", True, "mp4"),
        ("libopus", "webm", False, "matroska"),
        ("aac", "matroska", True, "matroska"),
    ],
)
def test_pyav_takes_what_libsndfile_refuses(codec, container, video, expected):
    x = music(2, 48000)
    got, stream, _ = drain(io.BytesIO(m4a(x, 48000, codec, container, video=video)), mono=False)
    assert stream.info.decoder == "pyav"
    assert stream.info.container == expected
    assert stream.problem is None
    assert got.shape[1] == pytest.approx(96000, abs=2100)
    assert np.corrcoef(np.roll(got[0], -lag(x[0], got[0]))[:90000], x[0, :90000])[0, 1] > 0.95
    if codec == "alac":
        assert np.abs(got[:, :96000] - x).max() < 1e-4


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "opus"])
def test_seek_lands_on_the_sample(tmp_path, kind):
    path = save(tmp_path / "x", music(6, 48000), 48000, kind)
    whole, _, _ = drain(path)
    with open_audio(path) as stream:
        stream.seek(3.5)
        part = np.concatenate(list(stream.blocks()))
        assert stream.problem is None
    assert lag(whole[168000:], part) == 0
    assert len(part) == 120000
    np.testing.assert_allclose(part[4800:], whole[172800:], atol=2e-3)


def test_seek_in_m4a_and_in_mp3_without_a_length_tag(tmp_path):
    x = music(6)
    for data in (m4a(x), _untagged(save(tmp_path / "x.mp3", x, kind="mp3").read_bytes())):
        whole, stream, _ = drain(io.BytesIO(data))
        assert stream.info.decoder == "pyav"
        with open_audio(io.BytesIO(data)) as stream:
            stream.seek(3.5)
            part = np.concatenate(list(stream.blocks()))
            assert stream.problem is None
        assert abs(lag(whole[154350:], part)) <= 1200
        with open_audio(io.BytesIO(data)) as stream:
            stream.seek(99)
            assert list(stream.blocks()) == []


def test_seek_refuses_negative_and_ends_quietly(tmp_path):
    with open_audio(save(tmp_path / "x.wav", music(1))) as stream:
        with pytest.raises(UsageError, match="0 s or later"):
            stream.seek(-1)
        stream.seek(99)
        assert list(stream.blocks()) == []


def test_variable_bit_rate_without_a_length_tag_is_read_to_the_end(tmp_path):
    """libmpg123 guesses the length from the first frames and stops there."""
    quiet, loud = np.zeros((2, 44100 * 4), np.float32), music(4) * 2
    path = tmp_path / "x.mp3"
    with soundfile.SoundFile(
        path, "w", 44100, 2, format="MP3", bitrate_mode="VARIABLE", compression_level=0.2
    ) as file:
        file.write(np.concatenate([loud, quiet], axis=1).T)
    data = _untagged(path.read_bytes())
    got, stream, _ = drain(io.BytesIO(data))
    assert stream.problem is None
    assert len(got) / 44100 == pytest.approx(8, abs=0.1)


def test_songs_joined_behind_one_another_are_all_read(tmp_path):
    """A human minute before a generated one must not hide it."""
    for kind in ("mp3", "ogg", "opus"):
        one, two = (
            save(tmp_path / f"{length}", music(length, 48000), 48000, kind).read_bytes()
            for length in (4, 3)
        )
        got, stream, _ = drain(io.BytesIO(one + two))
        assert len(got) / 48000 == pytest.approx(7, abs=0.1)
        assert stream.problem is None


def test_a_joined_stream_of_another_rate_and_layout_keeps_the_first_ones_form(tmp_path):
    parts = [
        m4a(music(3, rate_hz, channels), rate_hz, "aac", "adts")
        for rate_hz, channels in ((44100, 2), (22050, 1), (48000, 2))
    ]
    got, stream, _ = drain(io.BytesIO(b"".join(parts)), mono=False)
    assert stream.info.sample_rate_hz == 44100
    assert got.shape[0] == 2
    assert got.shape[1] / 44100 == pytest.approx(9, abs=0.4)
    for start in (0, 3, 6):  # the same sweep three times
        piece = np.abs(np.fft.rfft(got[0, int((start + 1.4) * 44100) :][:8820]))
        assert piece.argmax() * 5 == pytest.approx(2550, abs=350)


def test_read_clip_cuts_the_asked_part(tmp_path):
    x = music(3)
    path = save(tmp_path / "x.wav", x, kind="f32")
    clip = read_clip(path, 1.0, 0.5)
    np.testing.assert_array_equal(clip.samples, x[:, 44100:66150])
    assert (clip.start_s, clip.sample_rate_hz) == (1.0, 44100)
    assert read_clip(path).samples.shape == (2, 132300)
    assert read_clip(path, 2.9, 5).samples.shape == (2, 4410)
    assert read_clip(path, mono=True).samples.shape == (1, 132300)


def test_open_file_objects_stay_open_and_pipes_are_refused(tmp_path):
    path = save(tmp_path / "x.wav", music(1))
    with path.open("rb") as file:
        drain(file)
        assert not file.closed
    read, write = os.pipe()
    os.close(write)
    with (
        os.fdopen(read, "rb") as pipe,
        pytest.raises(UsageError, match="expected a seekable file"),
    ):
        open_audio(pipe)


def test_undecodable_file_names(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.ogg")
    data = save(tmp_path / "x", music(1), kind="flac").read_bytes()
    try:
        with open(name, "wb") as file:  # noqa: PTH123
            file.write(data)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    got, stream, _ = drain(name)
    assert len(got) == 44100
    stream.name.encode("utf-8")


def test_memory_does_not_grow_with_duration(tmp_path):
    path = tmp_path / "hour.wav"
    size = 8000 * 3600 * 2
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt ")
        file.write(struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16))
        file.write(b"data" + struct.pack("<I", size))
        file.truncate(44 + size)
    drain(save(tmp_path / "warm.wav", music(1)))  # imports are no part of the measure
    tracemalloc.start()
    try:
        with open_audio(path) as stream:
            total = sum(len(block) for block in stream.blocks())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 8000 * 3600
    assert stream.problem is None
    assert peak < 2_000_000  # an hour as float32 is 115 MB


def test_importing_loads_no_decoder():
    import subprocess

    code = "import sys, unsung.audio; print({'av', 'soundfile', 'soxr', 'scipy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_hash_is_of_the_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x").startswith("ba7816bf")


def _untagged(data: bytes) -> bytes:
    """Take the Xing/Info frame off an MP3."""
    tag = max(data.find(b"Xing"), data.find(b"Info"))
    start = data.rfind(b"\xff\xfb", 0, tag)
    return data[data.find(b"\xff\xfb", tag) :] if start >= 0 else data
