# SPDX-License-Identifier: MIT
"""Tiny trees with the real layout and the real file names of every corpus; sound is synthesised."""

import csv

import numpy as np
import soundfile as sf


def sound(path, rate_hz=8000, subtype=None):
    """Write 0.05 s of a tone; every file has another pitch, so no two have the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sound.count += 1
    times_s = np.arange(int(0.05 * rate_hz)) / rate_hz
    tone = 0.3 * np.sin(2 * np.pi * (200 + 7 * sound.count) * times_s)
    if path.suffix == ".mp4":  # no encoder needed: adapters never open sound
        path.write_bytes(b"\0" * (100 + sound.count))
        return path
    sf.write(path, tone.astype(np.float32), rate_hz, subtype=subtype)
    return path


sound.count = 0


def rows(path, header, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *lines])


def text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


REAL = (
    "filename title artist year lyrics duration youtube_id label artist_overlap target skip_time "
    "no_vocal split"
)
FAKE = (
    "id filename title algorithm style bit_rate source lyrics_feature topic genre mood label "
    "duration target no_vocal split"
)
CAPTIONS = (
    "ytid start_s end_s audioset_positive_labels aspect_list caption author_id "
    "is_balanced_subset is_audioset_eval"
)


def sonics(root):
    words = "[Verse]\nfirst line, with a comma\nsecond line"
    rows(
        root / "real_songs.csv",
        REAL.split(),
        [
            "real_00217",
            "One",
            "Band",
            "1992.0",
            words,
            240.084,
            "JYJ6QJqy92s",
            "real",
            "True",
            0,
            56.6,
            "False",
            "valid",
        ],
        [
            "real_00240",
            "Two",
            "Singer",
            "2017.0",
            words,
            228.5,
            "OxZa0Doyh6I",
            "real",
            "False",
            0,
            0.03,
            "False",
            "train",
        ],
    )
    tail = ["pop", "happy"]
    rows(
        root / "fake_songs.csv",
        FAKE.split(),
        [
            1,
            "fake_00001_suno_0",
            "A",
            "chirp-v3.5",
            "",
            192,
            "suno",
            "",
            "love",
            *tail,
            "full fake",
            120.0,
            1,
            "False",
            "train",
        ],
        [
            1,
            "fake_00001_suno_1",
            "A",
            "chirp-v3.5",
            "",
            192,
            "suno",
            "",
            "love",
            *tail,
            "full fake",
            29.0,
            1,
            "False",
            "train",
        ],
        [
            2,
            "fake_00002_udio_0",
            "B",
            "udio-120s",
            "",
            192,
            "udio",
            "",
            "sea",
            *tail,
            "half fake",
            130.9,
            1,
            "False",
            "test",
        ],
        [
            3,
            "fake_00003_udio_0",
            "C",
            "udio-30s",
            "",
            192,
            "udio",
            "",
            "sea",
            *tail,
            "mostly fake",
            32.0,
            1,
            "True",
            "valid",
        ],
    )
    sound(root / "real_songs/real_00217.mp3", 16000)
    for name in ("fake_00001_suno_0", "fake_00001_suno_1", "fake_00002_udio_0"):
        sound(root / f"fake_songs/{name}.mp3", 16000)


def fakemusiccaps(root):
    for folder in ("audioldm2", "MusicGen_medium", "musicldm", "mustango", "stable_audio_open"):
        for ytid in ("-WvVG0wHcTc", "4ueN2gGsH5Y"):
            sound(root / "FakeMusicCaps" / folder / f"{ytid}.wav", 16000)
    sound(root / "FakeMusicCaps/MusicCaps/-WvVG0wHcTc.wav", 16000)


def musiccaps(root):
    rows(
        root / "musiccaps-public.csv",
        CAPTIONS.split(),
        ["-0Gj8-vB1q4", 30, 40, "/m/0140xf", "['sad']", "A, voice.", 4, "False", "True"],
        ["-0SdAVK79lg", 30, 40, "/m/0155w", "['guitar']", "Guitar.", 0, "False", "False"],
    )
    sound(root / "wav/[-0Gj8-vB1q4]-[30-40].wav")


def fma(root):
    groups = ["", "album", "artist", "set", "set", "track", "track", "track"]
    names = ["", "id", "id", "split", "subset", "bit_rate", "duration", "license"]
    rows(
        root / "fma_metadata/tracks.csv",
        groups,
        names,
        ["track_id", *[""] * 7],
        [2, 1, 1, "training", "small", 256000, 168, "Attribution-NonCommercial"],
        [5, 1, 1, "validation", "medium", 256000, 206, "Attribution"],
        [10, 6, 6, "test", "small", 192000, 161, "Attribution"],
        [20, 4, 4, "training", "large", 256000, 311, "Attribution"],
    )
    for number in (2, 10):
        sound(root / f"fma_small/000/{number:06d}.mp3", 16000)


def wavefake(root):
    made = root / "generated_audio"
    for folder, ending in (
        ("ljspeech_melgan", "_gen"),
        ("ljspeech_hifiGAN", "_generated"),
        ("ljspeech_waveglow", ""),
    ):
        for name in ("LJ001-0001", "LJ001-0002"):
            sound(made / folder / f"{name}{ending}.wav", 22050)
    sound(made / "jsut_parallel_wavegan/BASIC5000_0001_gen.wav", 24000)
    spoken = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"
    sound(made / spoken / "gen_0.wav", 22050)
    sound(root / "LJSpeech-1.1/wavs/LJ001-0001.wav", 22050)


def ljspeech(root):
    text(
        root / "LJSpeech-1.1/metadata.csv",
        "LJ001-0001|Printing, in the only sense|Printing, in the only sense",
        "LJ001-0002|in being comparatively modern.|in being comparatively modern.",
    )
    for name in ("LJ001-0001", "LJ001-0002"):
        sound(root / f"LJSpeech-1.1/wavs/{name}.wav", 22050)


def jsut(root):
    part = root / "jsut_ver1.1"
    text(
        part / "basic5000/transcript_utf8.txt",
        "BASIC5000_0001:水をマレーシアから買わなくてはならないのです。",
        "BASIC5000_0002:木曜日、停戦会談は、何の進展もないまま終了しました。",
    )
    text(
        part / "travel1000/transcript_utf8.txt",
        "TRAVEL1000_0001:あなたの荷物は、機内に持ち込めません。",
    )
    for name in ("basic5000/wav/BASIC5000_0001", "travel1000/wav/TRAVEL1000_0001"):
        sound(part / f"{name}.wav", 48000)


def wavefake_extended(root):
    sound(root / "A_ljspeech/LJ001-0001.wav", 22050)
    sound(root / "B_melgan/LJ001-0001_gen.wav", 22050)
    sound(root / "C_hifigan/LJ001-0001_generated.wav", 22050)
    sound(root / "L_conformer/gen_0.wav", 22050)


def asvspoof2019_la(root):
    for part, name, letter, system in (
        ("train", "train.trn", "T", "A01"),
        ("dev", "dev.trl", "D", "A02"),
        ("eval", "eval.trl", "E", "A07"),
    ):
        text(
            root / f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt",
            f"LA_0079 LA_{letter}_1138215 - - bonafide",
            f"LA_0081 LA_{letter}_1271820 - {system} spoof",
        )
        sound(root / f"LA/ASVspoof2019_LA_{part}/flac/LA_{letter}_1138215.flac", 16000)


def asvspoof2021(root):
    text(
        root / "keys/LA/CM/trial_metadata.txt",
        "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval",
        "LA_0020 LA_E_5620152 g722 loc_tx bonafide bonafide notrim progress",
        "LA_0021 LA_E_5620153 none - A11 spoof trim hidden",
    )
    text(
        root / "keys/DF/CM/trial_metadata.txt",
        "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder "
        "- - - -",
        "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval "
        "neural_vocoder_nonautoregressive Task1 team20 FF E",
    )
    sound(root / "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac", 16000)
    sound(root / "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac", 16000)


def asvspoof5(root):
    for name, folder, letter in (
        ("train", "flac_T", "T"),
        ("dev.track_1", "flac_D", "D"),
        ("eval.track_1", "flac_E_eval", "E"),
    ):
        text(
            root / f"ASVspoof5.{name}.tsv",
            f"{letter}_4850 {letter}_0000000022 F - - - AC3 A05 spoof -",
            f"{letter}_0062 {letter}_0000000100 M C05 4 {letter}_0000000099 - bonafide bonafide -",
        )
        sound(root / folder / f"{letter}_0000000022.flac", 16000)


def fakeavceleb(root):
    top = root / "FakeAVCeleb_v1.2"
    text(
        top / "meta_data.csv",
        "source,target1,target2,method,category,type,race,gender,path,",
        "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,"
        "FakeAVCeleb/RealVideo-RealAudio/African/men/id00076",
        "id00076,id00476,10,wav2lip,D,FakeVideo-FakeAudio,African,men,"
        "00109_10_id00476_wavtolip.mp4,FakeAVCeleb/FakeVideo-FakeAudio/African/men/id00076",
        "id00076,id00476,10,faceswap-wav2lip,D,FakeVideo-FakeAudio,African,men,"
        "00109_10_id00476_wavtolip.mp4,FakeAVCeleb/FakeVideo-FakeAudio/African/men/id00076",
        "id00166,id00476,2,faceswap,C,FakeVideo-RealAudio,African,men,"
        "00010_2_id00476.mp4,FakeAVCeleb/FakeVideo-RealAudio/African/men/id00166",
    )
    sound(top / "RealVideo-RealAudio/African/men/id00076/00109.mp4")
    sound(
        root
        / "FakeAVCeleb-audio/FakeVideo-FakeAudio/African/men/id00076/00109_10_id00476_wavtolip.wav"
    )


def in_the_wild(root):
    rows(
        root / "release_in_the_wild/meta.csv",
        ["file", "speaker", "label"],
        ["0.wav", "Alec Guinness", "spoof"],
        ["4.wav", "Christopher Hitchens", "bona-fide"],
    )
    for name in ("0.wav", "4.wav"):
        sound(root / "release_in_the_wild" / name, 16000)


def generic_folder(root):
    sound(root / "human/album/one.wav")
    sound(root / "human/two.flac")
    sound(root / "ai/suno/three.wav")
    sound(root / "ai/four.wav")
    sound(root / "resynth/encodec/album/one.wav")
    sound(root / "mixed/five.wav")


def parquet(path, audio, **columns):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    data = {name: pa.array(values) for name, values in columns.items()}
    pq.write_table(pa.table({**data, "audio": pa.array(audio, kind)}), path)


def cell(folder, name="clip.wav"):
    path = sound(folder / name)
    data = path.read_bytes()
    path.unlink()
    return {"bytes": data, "path": name}


def aime(root):
    parquet(
        root / "data/train-00000-of-00002.parquet",
        [cell(root), cell(root)],
        id=[0, 1],
        model=["Udio", "MTG-Jamendo"],
        description=[["rock", "sad", "guitar"], ["jazz", "calm", "piano"]],
    )
    parquet(
        root / "data/train-00001-of-00002.parquet",
        [cell(root)],
        id=[2],
        model=["Suno v3.5"],
        description=[["rock", "sad", "guitar"]],
    )


def genius_lyrics(root):
    header = "title,tag,artist,year,views,features,lyrics,id,language_cld3,language_ft,language"
    rows(
        root / "song_lyrics.csv",
        header.split(","),
        ["Killa Cam", "rap", "Cam'ron", 2004, 173166, "{}", "[Chorus]\nKilla, killa", 1]
        + ["en"] * 3,
        ["Can I Live", "rap", "JAY-Z", 1996, 468624, "{}", "[Intro]\nYeah, hah", 3] + ["en"] * 3,
    )
    sound(root / "audio/3.mp3", 16000)


def table(root):
    rows(
        root / "tracks.csv",
        ["path", "label", "generator"],
        ["a/one.wav", "real", ""],
        ["a/two.wav", "ai", "suno"],
    )
    for name in ("one", "two"):
        sound(root / f"a/{name}.wav")


def huggingface(root):
    text(
        root / "columns.toml",
        'label = "verdict"',
        'human = ["genuine"]',
        'ai = ["machine"]',
        'generator = "model"',
    )
    parquet(
        root / "data/train-00000-of-00001.parquet",
        [cell(root), cell(root)],
        verdict=["genuine", "machine"],
        model=[None, "udio"],
    )
    parquet(
        root / "data/test-00000-of-00001.parquet",
        [cell(root)],
        verdict=["machine"],
        model=["suno"],
    )


TREES = {
    "aime": aime,
    "asvspoof2019_la": asvspoof2019_la,
    "asvspoof2021": asvspoof2021,
    "asvspoof5": asvspoof5,
    "fakeavceleb": fakeavceleb,
    "fakemusiccaps": fakemusiccaps,
    "fma": fma,
    "generic_folder": generic_folder,
    "genius_lyrics": genius_lyrics,
    "huggingface": huggingface,
    "in_the_wild": in_the_wild,
    "jsut": jsut,
    "ljspeech": ljspeech,
    "m6": generic_folder,
    "musiccaps": musiccaps,
    "sonics": sonics,
    "table": table,
    "wavefake": wavefake,
    "wavefake_extended": wavefake_extended,
}
"""Corpus → what writes its tree into a folder."""
