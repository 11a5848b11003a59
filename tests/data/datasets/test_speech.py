# SPDX-License-Identifier: MIT
"""What the speech corpora mean: labels, attacks, pairs, splits; and what is refused."""

import re

import pytest

from unsung import registry
from unsung.errors import DatasetError


def by_id(tracks):
    return {track.id: track for track in tracks}


class TestWaveFake:
    def test_vocoded_speech_is_resynthesis_paired_with_its_recording(self, corpus):
        _, read = corpus("wavefake")
        tracks = by_id(read())
        human = tracks["ljspeech/LJ001-0001"]
        for name in (
            "ljspeech_melgan/LJ001-0001_gen",
            "ljspeech_hifiGAN/LJ001-0001_generated",
            "ljspeech_waveglow/LJ001-0001",
        ):
            assert tracks[name].label == "resynth"
            assert tracks[name].pair_id == human.pair_id == "ljspeech:LJ001-0001"
        assert tracks["ljspeech_melgan/LJ001-0001_gen"].generator == "melgan"
        assert tracks["jsut_parallel_wavegan/BASIC5000_0001_gen"].group == "jsut:BASIC5000_0001"

    def test_synthesised_speech_is_ai(self, corpus):
        _, read = corpus("wavefake")
        (spoken,) = [t for t in read() if t.label == "ai"]
        assert spoken.generator.startswith("common_voices_prompts")
        assert spoken.pair_id == ""

    def test_no_known_folder(self, tmp_path):
        (tmp_path / "melgan").mkdir()
        with pytest.raises(DatasetError, match=r"expected folders among .*ljspeech_melgan"):
            list(registry.get("datasets", "wavefake")(tmp_path).tracks())


class TestWaveFakeExtended:
    def test_letters_give_the_labels_in_order(self, corpus):
        root, read = corpus("wavefake_extended")
        kind = registry.get("datasets", "wavefake_extended")
        assert kind(root).classes() == ("A_ljspeech", "B_melgan", "C_hifigan", "L_conformer")
        assert [t.label for t in read()] == ["human", "resynth", "resynth", "ai"]
        assert [t.generator for t in read()] == ["", "melgan", "hifigan", "conformer"]
        assert len({t.pair_id for t in read() if t.label != "ai"}) == 1

    def test_the_same_letter_twice(self, corpus):
        root, read = corpus("wavefake_extended")
        (root / "B_hifigan").mkdir()
        with pytest.raises(DatasetError, match=r"two folders begin with B_"):
            read()

    def test_without_the_real_folder(self, corpus):
        root, read = corpus("wavefake_extended")
        (root / "A_ljspeech").rename(root / "M_ljspeech")
        with pytest.raises(DatasetError, match=r"expected the folder A_\.\.\. \(human\)"):
            read()


class TestLjSpeechAndJsut:
    def test_lines_become_recordings(self, corpus):
        root, read = corpus("ljspeech")
        first = read()[0]
        assert first.path == str(root / "LJSpeech-1.1/wavs/LJ001-0001.wav")
        assert (first.sample_rate_hz, first.licence) == (22050, "public domain")

    def test_a_line_without_text(self, corpus):
        root, read = corpus("ljspeech")
        (root / "LJSpeech-1.1/metadata.csv").write_text("LJ001-0001|a|a\nLJ001-0002\n")
        with pytest.raises(DatasetError, match=r"metadata.csv, line 2: expected 2 values"):
            read()

    def test_parts_of_jsut(self, corpus):
        _, read = corpus("jsut")
        assert [t.id for t in read()] == [
            "basic5000/BASIC5000_0001",
            "basic5000/BASIC5000_0002",
            "travel1000/TRAVEL1000_0001",
        ]

    def test_a_part_without_transcript(self, corpus):
        root, read = corpus("jsut")
        (root / "jsut_ver1.1/basic5000/transcript_utf8.txt").unlink()
        with pytest.raises(DatasetError, match=r"transcript_utf8.txt: cannot be read"):
            read()


class TestAsvSpoof:
    def test_2019_has_the_official_parts_and_attacks(self, corpus):
        root, read = corpus("asvspoof2019_la")
        tracks = read()
        assert [t.split for t in tracks] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
        assert [t.label for t in tracks] == ["human", "ai"] * 3
        assert tracks[-1].generator == "A07"
        assert tracks[0].path == str(root / "LA/ASVspoof2019_LA_train/flac/LA_T_1138215.flac")

    def test_2019_wrong_key_and_short_line(self, corpus):
        root, read = corpus("asvspoof2019_la")
        path = root / "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.dev.trl.txt"
        words = path.read_text()
        path.write_text(words.replace("spoof", "spoofed"))
        with pytest.raises(DatasetError, match=r"dev.trl.txt, line 2: expected key .*'spoofed'"):
            read()
        path.write_text(words.replace(" spoof", ""))
        with pytest.raises(DatasetError, match=r"line 2: expected 5 values .* got 4"):
            read()

    def test_2019_missing_protocol(self, corpus):
        root, read = corpus("asvspoof2019_la")
        name = "ASVspoof2019.LA.cm.eval.trl.txt"
        (root / "LA/ASVspoof2019_LA_cm_protocols" / name).unlink()
        with pytest.raises(DatasetError, match=f"expected the file {re.escape(name)}"):
            read()

    def test_2021_conditions_and_subsets(self, corpus):
        root, read = corpus("asvspoof2021")
        first, second, third = read("LA")
        assert (first.codec, first.generator, first.split) == ("alaw", "A07", "test")
        assert (second.label, second.generator, second.split) == ("human", "", "validation")
        assert third.split == "hidden"
        deepfake = read("DF")
        assert deepfake[0].family == "traditional_vocoder"
        assert deepfake[0].path == str(root / "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac")

    def test_2021_keys_as_the_archive_unpacks_them(self, corpus):
        root, read = corpus("asvspoof2021")
        before = read()
        (root / "LA-keys-full").mkdir()
        (root / "keys").rename(root / "LA-keys-full/keys")
        assert read() == before

    def test_2021_wrong_subset(self, corpus):
        root, read = corpus("asvspoof2021")
        path = root / "keys/LA/CM/trial_metadata.txt"
        path.write_text(path.read_text().replace("progress", "progres"))
        with pytest.raises(DatasetError, match=r"trial_metadata.txt, line 2: .*'progres'"):
            read()

    def test_5_codecs_attacks_and_copies(self, corpus):
        root, read = corpus("asvspoof5")
        tracks = read()
        assert [t.label for t in tracks] == ["ai", "human"] * 3
        assert (tracks[0].generator, tracks[0].codec) == ("A05", "flac")
        assert (tracks[1].codec, tracks[1].recording) == ("C05", "T_0000000099")
        assert tracks[4].path == str(root / "flac_E_eval/E_0000000022.flac")

    def test_5_short_line(self, corpus):
        root, read = corpus("asvspoof5")
        path = root / "ASVspoof5.dev.track_1.tsv"
        path.write_text(path.read_text() + "D_0062 D_0000000101 M\n")
        with pytest.raises(DatasetError, match=r"dev.track_1.tsv, line 3: expected 9 values"):
            read()


class TestFakeAvCeleb:
    def test_the_audio_part_of_the_type_is_the_label(self, corpus):
        _, read = corpus("fakeavceleb")
        tracks = read()
        assert [t.label for t in tracks] == ["human", "ai", "human"]
        assert tracks[1].family == "wav2lip", "of a file listed twice the first line counts"
        assert tracks[2].generator == "", "a real voice over a fake face"
        assert tracks[0].group == tracks[1].group == "person:id00076"

    def test_extracted_audio_is_preferred_to_the_video(self, corpus):
        _, read = corpus("fakeavceleb")
        assert [t.path.rsplit(".", 1)[1] for t in read()] == ["mp4", "wav", "mp4"]

    def test_an_unknown_type(self, corpus):
        root, read = corpus("fakeavceleb")
        path = root / "FakeAVCeleb_v1.2/meta_data.csv"
        path.write_text(path.read_text().replace("C,FakeVideo-RealAudio", "C,FakeVideo-NoAudio"))
        with pytest.raises(DatasetError, match=r"line 5: expected type .*'FakeVideo-NoAudio'"):
            read()


class TestInTheWild:
    def test_labels_and_speakers(self, corpus):
        _, read = corpus("in_the_wild")
        spoof, real = read()
        assert (spoof.label, real.label) == ("ai", "human")
        assert real.group == "speaker:Christopher Hitchens"

    def test_wrong_label_and_missing_column(self, corpus):
        root, read = corpus("in_the_wild")
        path = root / "release_in_the_wild/meta.csv"
        words = path.read_text()
        path.write_text(words.replace("bona-fide", "bonafied"))
        with pytest.raises(DatasetError, match=r"meta.csv, line 3: expected label .*'bonafied'"):
            read()
        path.write_text(words.replace("speaker", "voice"))
        with pytest.raises(DatasetError, match=r"meta.csv, line 1: the column speaker is missing"):
            read()

    def test_bytes_that_are_no_table(self, corpus):
        root, read = corpus("in_the_wild")
        (root / "release_in_the_wild/meta.csv").write_bytes(b"\xff\xfe\x00bad")
        with pytest.raises(DatasetError, match=r"meta.csv: cannot be read as a table"):
            read()
