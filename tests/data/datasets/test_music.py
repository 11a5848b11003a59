# SPDX-License-Identifier: MIT
"""What the music corpora mean: labels, generators, groups, splits, subsets; and what is refused."""

from pathlib import Path

import pytest

from unsung.errors import DatasetError, ManifestError


def by_id(tracks):
    return {track.id: track for track in tracks}


class TestSonics:
    def test_labels_algorithms_kinds_and_official_splits(self, corpus):
        root, read = corpus("sonics")
        tracks = by_id(read("all"))
        assert len(tracks) == 6
        real, fake = tracks["real_00217"], tracks["fake_00002_udio_0"]
        assert (real.label, real.split, real.group) == ("human", "validation", "artist:Band")
        assert real.recording == "youtube:JYJ6QJqy92s"
        assert real.path == str(root / "real_songs/real_00217.mp3")
        assert real.duration_s == pytest.approx(240.084)
        assert (fake.label, fake.generator, fake.family) == ("ai", "udio-120s", "half fake")
        assert fake.split == "test"

    def test_both_versions_of_a_prompt_are_one_group(self, corpus):
        _, read = corpus("sonics")
        tracks = by_id(read("all"))
        first, second = tracks["fake_00001_suno_0"], tracks["fake_00001_suno_1"]
        assert first.group == second.group != tracks["fake_00002_udio_0"].group

    def test_the_official_subset_leaves_out_short_and_instrumental_songs(self, corpus):
        _, read = corpus("sonics")
        left_out = {t.id for t in read("all")} - {t.id for t in read()}
        assert left_out == {"fake_00001_suno_1", "fake_00003_udio_0"}

    def test_the_line_of_an_error_counts_lyrics_of_many_lines(self, corpus):
        root, read = corpus("sonics")
        path = root / "real_songs.csv"
        path.write_text(path.read_text().replace(",train", ",trian"))
        with pytest.raises(DatasetError, match=r"real_songs.csv, line 5: .*split.*'trian'"):
            read()

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (",chirp-v3.5,", ",chirp-v9,", r"fake_songs.csv, line 2: .*algorithm.*'chirp-v9'"),
            (",full fake,", ",quarter fake,", r"line 2: .*label.*'quarter fake'"),
            (",130.9,", ",long,", r"line 4: expected a number for duration, got 'long'"),
            ("algorithm", "algo", r"fake_songs.csv, line 1: the column algorithm is missing"),
        ],
    )
    def test_wrong_values_are_named(self, corpus, old, new, message):
        root, read = corpus("sonics")
        path = root / "fake_songs.csv"
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(DatasetError, match=message):
            read("all")

    def test_a_missing_table_is_named(self, corpus):
        root, read = corpus("sonics")
        (root / "fake_songs.csv").unlink()
        with pytest.raises(DatasetError, match=r"expected the file fake_songs.csv"):
            read()

    def test_a_table_that_was_cut_off_is_an_error(self, corpus):
        root, read = corpus("sonics")
        path = root / "fake_songs.csv"
        path.write_text(path.read_text()[:-40])
        with pytest.raises(DatasetError, match=r"line 5: the row ends before the column"):
            read("all")


class TestFma:
    def test_subsets_contain_the_smaller_ones(self, corpus):
        _, read = corpus("fma")
        ids = {size: [t.id for t in read(size)] for size in ("small", "medium", "large")}
        assert ids["small"] == ["000002", "000010"]
        assert ids["medium"] == ["000002", "000005", "000010"]
        assert len(ids["large"]) == 4

    def test_facts_of_a_track(self, corpus):
        root, read = corpus("fma")
        track = read()[0]
        assert track.path == str(root / "fma_small/000/000002.mp3")
        assert (track.split, track.group) == ("train", "artist:1")
        assert track.licence == "Attribution-NonCommercial"
        assert track.duration_s == 30.0
        assert read("full")[0].duration_s == 168.0

    def test_a_fold_list_replaces_the_split_and_leaves_out_the_rest(self, corpus):
        root, read = corpus("fma")
        (root / "folds.csv").write_text("track_id,fold\n000010,3\n")
        assert [(t.id, t.split) for t in read("large")] == [("000010", "3")]

    def test_a_fold_list_elsewhere(self, corpus, tmp_path):
        _, read = corpus("fma")
        (tmp_path / "mine.csv").write_text("track_id,fold\n2,0\n10,1\n")
        assert [t.split for t in read(folds=tmp_path / "mine.csv")] == ["0", "1"]

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("track_id,,", "track,,", r"tracks.csv, line 3: expected a third header row"),
            ("id,id,split", "id,id,splits", r"line 2: the column set.split is missing"),
            (",small,256000", ",tiny,256000", r"line 4: expected set.subset among .*'tiny'"),
            (",161,", ",?,", r"line 6: expected a number for track.duration"),
        ],
    )
    def test_wrong_values_are_named(self, corpus, old, new, message):
        root, read = corpus("fma")
        path = root / "fma_metadata/tracks.csv"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(DatasetError, match=message):
            read()

    def test_missing_metadata(self, corpus):
        root, read = corpus("fma")
        (root / "fma_metadata/tracks.csv").unlink()
        with pytest.raises(DatasetError, match=r"expected the file fma_metadata/tracks.csv"):
            read()


class TestFakeMusicCaps:
    def test_captions_are_groups_over_all_models(self, corpus):
        _, read = corpus("fakemusiccaps")
        tracks = read()
        assert len(tracks) == 11
        same = [t for t in tracks if t.group == "-WvVG0wHcTc"]
        assert len(same) == 6
        assert [t.label for t in same].count("human") == 1
        assert {t.family for t in tracks} >= {"MusicGen", "Mustango", "Stable Audio"}

    def test_the_top_folder_of_the_archive_is_optional(self, corpus, tmp_path):
        root, read = corpus("fakemusiccaps")
        whole = read()
        for folder in (root / "FakeMusicCaps").iterdir():
            folder.rename(root / folder.name)
        (root / "FakeMusicCaps").rmdir()
        assert [t.id for t in read()] == [t.id for t in whole]

    def test_sound_in_an_unknown_folder_is_not_given_a_label(self, corpus, write):
        root, read = corpus("fakemusiccaps")
        write.sound(root / "FakeMusicCaps/riffusion/x.wav")
        with pytest.raises(DatasetError, match=r"riffusion: expected folders among"):
            read()


class TestMusicCaps:
    def test_clips_are_found_by_their_youtube_id(self, corpus):
        root, read = corpus("musiccaps")
        first, second = read()
        assert first.path == str(root / "wav/[-0Gj8-vB1q4]-[30-40].wav")
        assert second.path == str(root / "audio/-0SdAVK79lg.wav")
        assert (first.split, second.split) == ("test", "train")
        assert first.duration_s == 10.0

    def test_a_wrong_value(self, corpus):
        root, read = corpus("musiccaps")
        path = root / "musiccaps-public.csv"
        path.write_text(path.read_text().replace("False,True", "False,perhaps"))
        with pytest.raises(DatasetError, match=r"line 2: expected is_audioset_eval.*'perhaps'"):
            read()


class TestAime:
    def test_models_prompts_and_extracted_sound(self, corpus):
        root, read = corpus("aime")
        tracks = read()
        assert [t.label for t in tracks] == ["ai", "human", "ai"]
        assert tracks[0].group == tracks[2].group == "prompt:rock|sad|guitar"
        assert tracks[2].family == "Suno"
        first = root / "extracted/Udio-0.wav"
        assert tracks[0].path == str(first)
        before = first.stat().st_mtime_ns
        read()
        assert first.stat().st_mtime_ns == before, "a second reading writes nothing"

    def test_an_unknown_model_is_named_with_file_and_row(self, corpus, write):
        root, read = corpus("aime")
        write.parquet(
            root / "data/train-00001-of-00002.parquet",
            [write.cell(root)],
            id=[9],
            model=["Suno v9"],
            description=[["rock"]],
        )
        with pytest.raises(DatasetError, match=r"00001-of-00002.parquet, line 1: .*'Suno v9'"):
            read()

    def test_a_missing_column(self, corpus, write):
        root, read = corpus("aime")
        write.parquet(root / "data/train-00001-of-00002.parquet", [write.cell(root)], id=[9])
        with pytest.raises(DatasetError, match=r"line 1: the column model and description is miss"):
            read()

    def test_a_damaged_file(self, corpus):
        root, read = corpus("aime")
        (root / "data/train-00001-of-00002.parquet").write_bytes(b"PAR1 and no more")
        with pytest.raises(DatasetError, match=r"cannot be read as Parquet"):
            read()


class TestGeniusLyrics:
    def test_songs_and_tracks(self, corpus):
        root, read = corpus("genius_lyrics")
        from unsung import registry

        songs = list(registry.get("datasets", "genius_lyrics")(root).songs())
        assert [song.title for song in songs] == ["Killa Cam", "Can I Live"]
        assert songs[0].year == 2004
        assert songs[0].lyrics.startswith("[Chorus]\n")
        (track,) = read()
        assert (track.id, track.label, track.group) == ("3", "human", "artist:JAY-Z")

    def test_a_song_as_long_as_a_book(self, corpus):
        root, _ = corpus("genius_lyrics")
        from unsung import registry

        path = root / "song_lyrics.csv"
        path.write_text(
            path.read_text() + 'B,misc,X,1900,1,{},"' + "word " * 60000 + '",7,en,en,en\n'
        )
        songs = list(registry.get("datasets", "genius_lyrics")(root).songs())
        assert len(songs[-1].lyrics) == 300000

    def test_a_missing_column(self, corpus):
        root, read = corpus("genius_lyrics")
        path = root / "song_lyrics.csv"
        path.write_text(path.read_text().replace("artist", "singer", 1))
        with pytest.raises(DatasetError, match=r"song_lyrics.csv, line 1: the column artist"):
            read()


class TestFolders:
    def test_labels_generators_and_pairs(self, corpus):
        _, read = corpus("generic_folder")
        tracks = by_id(read())
        assert tracks["ai/suno/three.wav"].generator == "suno"
        assert tracks["ai/four.wav"].generator == ""
        assert tracks["mixed/five.wav"].label == "mixed"
        copy, original = tracks["resynth/encodec/album/one.wav"], tracks["human/album/one.wav"]
        assert copy.generator == "encodec"
        assert copy.pair_id == original.pair_id == copy.group == original.group

    def test_linked_folders_are_entered_and_loops_are_not(self, corpus, tmp_path, write):
        root, read = corpus("generic_folder")
        before = {t.id for t in read()}
        write.sound(tmp_path / "elsewhere/six.wav")
        (root / "ai/udio").symlink_to(tmp_path / "elsewhere")
        (root / "ai/suno/again").symlink_to(root / "ai")
        write.sound(root / "ai/.trash/seven.wav")
        assert {t.id for t in read()} - before == {"ai/udio/six.wav"}

    def test_a_song_may_begin_with_a_dot_but_not_with_what_macos_adds(self, corpus, write):
        root, read = corpus("generic_folder")
        before = {t.id for t in read()}
        write.sound(root / "human/...and Justice.wav")
        write.sound(root / "human/._two.wav")
        assert {t.id for t in read()} - before == {"human/...and Justice.wav"}

    def test_sound_outside_the_four_folders(self, corpus, write):
        root, read = corpus("generic_folder")
        write.sound(root / "fake/song.wav")
        with pytest.raises(DatasetError, match=r"move the folder 'fake' below the label"):
            read()

    def test_no_such_folder_at_all(self, tmp_path):
        from unsung import registry

        with pytest.raises(DatasetError, match=r"expected folders named human, ai, resynth, mixed"):
            list(registry.get("datasets", "m6")(tmp_path).tracks())


class TestTable:
    def test_labels_and_paths(self, corpus):
        root, read = corpus("table")
        one, two = read()
        assert (one.label, two.label, two.generator) == ("human", "ai", "suno")
        assert one.path == str(root / "a/one.wav")

    def test_tabs(self, corpus):
        root, read = corpus("table")
        words = (root / "tracks.csv").read_text()
        (root / "tracks.csv").unlink()
        (root / "list.tsv").write_text(words.replace(",", "\t"))
        assert [t.label for t in read()] == ["human", "ai"]

    def test_two_tables(self, corpus):
        root, read = corpus("table")
        (root / "tracks.csv").rename(root / "x.csv")
        (root / "y.csv").write_text("path,label\n")
        with pytest.raises(DatasetError, match=r"expected one CSV or TSV file.*x.csv, y.csv"):
            read()
        assert len(read(file="x.csv")) == 2

    def test_wrong_label_and_doubled_id(self, corpus):
        root, read = corpus("table")
        path = root / "tracks.csv"
        words = path.read_text()
        path.write_text(words.replace(",ai,", ",robot,"))
        with pytest.raises(DatasetError, match=r"tracks.csv, line 3: .*'robot'"):
            read()
        path.write_text(words.replace("a/two", "a/one"))
        with pytest.raises(ManifestError, match=r"line 3"):
            read()


class TestHuggingFace:
    def test_a_repository_of_parquet_with_named_columns(self, corpus):
        root, read = corpus("huggingface")
        tracks = sorted(read(), key=lambda t: t.id)
        assert [t.split for t in tracks] == ["test", "train", "train"]
        assert [t.label for t in tracks] == ["ai", "human", "ai"]
        assert [t.generator for t in tracks] == ["suno", "", "udio"]
        assert tracks[0].path == str(root / "extracted/test-000000.wav")

    def test_a_saved_dataset_with_class_names(self, tmp_path, write):
        import datasets

        from unsung import registry

        paths = [str(write.sound(tmp_path / f"{i}.wav")) for i in range(2)]
        data = datasets.Dataset.from_dict(
            {"audio": [{"bytes": None, "path": path} for path in paths], "label": [1, 0]}
        )
        data = data.cast_column("audio", datasets.Audio(sampling_rate=16000))
        data = data.cast_column("label", datasets.ClassLabel(names=["fake", "real"]))
        root = tmp_path / "saved"
        data.save_to_disk(str(root))
        tracks = list(registry.get("datasets", "huggingface")(root).tracks())
        assert [t.label for t in tracks] == ["human", "ai"]
        read = [Path(t.path).read_bytes() for t in tracks]
        assert read == [Path(path).read_bytes() for path in paths]

    def test_one_label_for_all(self, corpus):
        root, read = corpus("huggingface")
        (root / "columns.toml").write_text('all = "ai"\n')
        assert {t.label for t in read()} == {"ai"}

    @pytest.mark.parametrize(
        ("toml", "message"),
        [
            ('label = "verdikt"', r"split train: the column verdikt is missing; came: verdict"),
            ('label = "verdict"', r"row 0: expected a label among .*got 'genuine'"),
            ('lable = "verdict"', r"columns.toml: no Columns field named 'lable'; did you mean"),
            ('all = "robot"', r"columns.toml: expected all among human, ai"),
            ("label = ", r"columns.toml: "),
        ],
    )
    def test_wrong_columns(self, corpus, toml, message):
        root, read = corpus("huggingface")
        (root / "data/test-00000-of-00001.parquet").unlink()
        (root / "columns.toml").write_text(f"{toml}\n")
        with pytest.raises(DatasetError, match=message):
            read()
