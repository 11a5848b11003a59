# SPDX-License-Identifier: MIT
"""Training the instrument CNN from pictures: what is kept, what is turned, what is learned."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.training.instrument_helpers import NAMES, make_corpus

from unsung.data import read_manifest
from unsung.detectors.instrument_cnn import InstrumentCNN
from unsung.runtime.instruments import hear
from unsung.training.instrument_bundle import write_bundle
from unsung.training.instrument_measure import (
    Scored,
    best_thresholds,
    load_network,
    macro_f1,
    measure,
)
from unsung.training.instrument_pictures import PictureCNN, PictureStore, image_of
from unsung.training.instruments import load_weights, main, resized, train
from unsung.training.recipe import find_recipe, load_recipe


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("tones") / "corpus")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


def recipe_of(corpus, *changes):
    return load_recipe(
        find_recipe("instrument_cnn-small"),
        [
            f"data.manifests=['{corpus / 'manifest.jsonl'}']",
            f"data.targets='{corpus / 'labels.jsonl'}'",
            "options.instruments=['low','high']",
            "options.window_s=3.0",
            "options.side=200",
            "options.layers=2",
            "options.channels=1",
            "run.batch=4",
            "run.precision='float32'",
            *changes,
        ],
    )


@pytest.fixture(scope="module")
def run(corpus, pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train(recipe_of(corpus, "run.epochs=8", "optimiser.lr=3e-3"), out, pictures)
    return out


def tracks_of(corpus):
    return list(read_manifest(corpus / "manifest.jsonl"))


def test_a_picture_is_the_detectors_to_half_a_step(corpus, tmp_path):
    tracks = tracks_of(corpus)[:2]
    store = PictureStore(tmp_path, 3.0)
    store.prepare(tracks)
    detector = InstrumentCNN(channels=1).eval()
    wanted = np.stack([image_of(track.path, detector) for track in tracks])
    found = store.pictures([track.path for track in tracks])
    assert found.shape == (2, 400, 400)
    assert np.abs(found - np.clip(wanted, -1, 1)).max() <= 0.51 / 127.5


def test_half_the_side_is_the_mean_of_four_cells(corpus, tmp_path):
    track = tracks_of(corpus)[0]
    whole, half = PictureStore(tmp_path, 3.0), PictureStore(tmp_path, 3.0, side=200)
    whole.prepare([track])
    half.prepare([track])
    large, small = whole.pictures([track.path])[0], half.pictures([track.path])[0]
    assert small.shape == (200, 200)
    assert small[7, 9] == pytest.approx(large[14:16, 18:20].mean(), abs=1e-6)


def test_only_training_pictures_are_turned(corpus, tmp_path):
    one, other = tracks_of(corpus)[:2]
    store = PictureStore(tmp_path, 3.0, turned=[one.path])
    store.prepare([one, other])
    assert store.duration_s(one.path) == 6.0 and store.duration_s(other.path) == 3.0
    plain = store.sound(one.path, 0.0, 3.0).reshape(400, 400)
    turned = store.sound(one.path, 0.75, 3.0).reshape(400, 400)
    assert np.array_equal(turned, np.roll(plain, -100, axis=1))


def test_a_killed_store_goes_on(corpus, tmp_path):
    tracks = tracks_of(corpus)[:3]
    store = PictureStore(tmp_path, 3.0)
    store.prepare(tracks[:2])
    wanted = store.pictures([track.path for track in tracks[:2]])
    with (tmp_path / "pictures.u8").open("ab") as cells:
        cells.write(b"half a picture")
    with (tmp_path / "pictures.jsonl").open("a") as names:
        names.write('"half a na')
    again = PictureStore(tmp_path, 3.0)
    again.prepare(tracks)
    assert np.array_equal(again.pictures([track.path for track in tracks[:2]]), wanted)
    assert len((tmp_path / "pictures.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "pictures.u8").stat().st_size == 3 * 400 * 400


def test_it_learns_two_tones_and_says_where_it_stands(run, corpus, pictures):
    facts = json.loads((run / "run.json").read_text())
    assert facts["n_train"] == 12 and facts["best"]["macro_f1"] > 0.8
    found = measure(run, pictures, corpus, [f"tones={corpus}:test"])
    assert [row["name"] for row in found["results"]] == ["validation", "tones"]
    assert found["results"][1]["chosen"]["value"] > 0.8
    assert found["results"][1]["n"] == 6


def test_a_run_that_is_done_is_continued_without_a_step(run, corpus, pictures):
    before = (run / "steps.csv").read_text()
    train(recipe_of(corpus, "run.epochs=8", "optimiser.lr=3e-3"), run, pictures)
    assert (run / "steps.csv").read_text() == before


def test_a_larger_side_begins_with_nearly_the_same_logits(run, corpus, pictures):
    small = load_network(run)
    large = PictureCNN(**{**recipe_of(corpus).options, "side": 400}).eval()
    load_weights(large, run / "weights.safetensors")
    assert large.fc.in_features > 3 * small.fc.in_features
    assert torch.equal(large.conv1.weight, small.conv1.weight)


def test_resized_maps_keep_their_sum_over_a_constant():
    weight = torch.randn(3, 2 * 5 * 5, generator=torch.Generator().manual_seed(0))
    larger = resized(weight, 2, 2 * 10 * 10)
    ones, more = torch.ones(50), torch.ones(200)
    assert torch.allclose(weight @ ones, larger @ more, atol=1e-5)


def test_the_bundle_hears_the_tones(run, corpus, tmp_path):
    network = load_network(run)
    detector = InstrumentCNN(2, NAMES, channels=1, window_s=3.0, side=200).eval()
    detector.load_state_dict(network.state_dict())
    card = {"summary": "", "recordings": "", "lines": []}
    model = write_bundle(detector, tmp_path / "bundle", (1.0, 1.0), (0.0, 0.0), card)
    row = json.loads((corpus / "labels.jsonl").read_text().splitlines()[1])
    found = hear(corpus / row["path"], model)
    assert [item.name for item in found.instruments if item.heard] == ["high"]


def test_the_command_trains_from_a_recipe(corpus, pictures, tmp_path):
    sets = ["options.instruments=['low','high']", "options.window_s=3.0", "options.side=200",
            "options.layers=2", "run.epochs=1", "run.batch=4"]  # fmt: skip
    main([str(corpus), "-o", str(tmp_path / "run"), "--recipe", "instrument_cnn-small",
          "--pictures", str(pictures), "--clips", "4",
          *(part for item in sets for part in ("--set", item))])  # fmt: skip
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["n_train"] == 4 and facts["best"]["step"] == 1


def test_class_weights_are_absent_over_present(corpus, run):
    facts = json.loads((run / "run.json").read_text())
    rows = [json.loads(line) for line in (corpus / "labels.jsonl").read_text().splitlines()]
    low = [any(i["name"] == "low" for i in r["instruments"]) for r in rows if r["split"] == "train"]
    saved = json.loads((run / "run.json").read_text())["recipe"]["loss"]["class_weights"]
    assert saved[0] == pytest.approx((len(low) - sum(low)) / sum(low), abs=1e-3)
    assert facts["recipe"]["detector"] == "instrument_cnn"


def test_thresholds_are_the_best_of_all():
    rng = np.random.default_rng(1)
    wanted = (rng.random((60, 2)) < 0.4).astype(float)
    logits = rng.standard_normal((60, 2)) + 2 * wanted - np.array([3.0, 0.0])
    groups = tuple(str(n) for n in range(60))
    chosen = best_thresholds(logits, wanted)

    def f1(column, place):
        said, true = logits[:, column] >= place, wanted[:, column] > 0.5
        return 2 * (said & true).sum() / (said.sum() + true.sum())

    for column in range(2):
        best = max(f1(column, place) for place in np.linspace(-7, 5, 600))
        assert f1(column, chosen[column]) == pytest.approx(best)
    whole = macro_f1(Scored(logits, wanted, groups), chosen)
    assert whole.low < whole.value < whole.high
    assert whole.value == pytest.approx(np.mean([f1(c, chosen[c]) for c in range(2)]))
