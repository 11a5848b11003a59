# SPDX-License-Identifier: MIT
"""Schedules, sampling, losses, augmentation, the store and the checkpoint, each by itself."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as nnf

from unsung.errors import MissingExtra, UnknownName, UsageError
from unsung.training.augment import Distorter, mix_up, spec_augment
from unsung.training.checkpoint import load_checkpoint, save_checkpoint
from unsung.training.faults import EmptyClass, OutOfMemory, TrainingError, memory_watch
from unsung.training.loader import Windows, parts_ahead
from unsung.training.logs import CsvLog, TensorBoard
from unsung.training.losses import GroupDro, window_losses
from unsung.training.network import MovingAverage
from unsung.training.sampling import Draw, Share, chances, epoch_draws, step_draws
from unsung.training.schedule import learning_rate
from unsung.training.settings import Augment, Distortion, Loss, Schedule
from unsung.training.store import SoundStore
from unsung.training.targets import Targets, ai_logits, check_classes
from unsung.types import Track


def track(name, label="human", **more):
    return Track(id=name, path=name, label=label, **more)


def test_cosine_with_warm_up_is_the_published_curve():
    sonics = Schedule("cosine", warmup_epochs=5, warmup_lr=1e-6)
    rates = [learning_rate(sonics, 8e-4, at, 50) for at in (0, 2.5, 5, 27.5, 50)]
    assert rates == pytest.approx([1e-6, (1e-6 + 8e-4) / 2, 8e-4, 4e-4, 0.0])


def test_step_and_plateau():
    assert learning_rate(Schedule("step", factor=0.5, every=2), 1.0, 4.9, 9) == 0.25
    plateau = Schedule("plateau", factor=0.1, every=2, min_lr=1e-3)
    assert learning_rate(plateau, 1.0, 3, 9, [3, 2, 1]) == 1.0
    assert learning_rate(plateau, 1.0, 3, 9, [3, 4, 5]) == pytest.approx(0.1)
    assert learning_rate(plateau, 1.0, 9, 9, [3, *[4.0] * 20]) == 1e-3


def test_without_balance_every_track_comes_once_a_window():
    draws = epoch_draws(None, 5, 3, seed=0, epoch=0)
    assert sorted(draw.row for draw in draws) == sorted(list(range(5)) * 3)
    assert draws == epoch_draws(None, 5, 3, seed=0, epoch=0)
    assert draws != epoch_draws(None, 5, 3, seed=0, epoch=1)
    assert len({draw.seed for draw in draws}) == 15


def test_balance_makes_classes_and_pages_equal():
    tracks = [track(f"h{i}", group="big") for i in range(8)] + [track("h", group="small")]
    tracks += [track("a", "ai", group="g")]
    share = chances(tracks, ("ai",), ("class", "group"))
    assert share[:8].sum() == pytest.approx(0.25)
    assert share[8] == pytest.approx(0.25) and share[9] == pytest.approx(0.5)
    draws = epoch_draws(share, 10, 10, seed=3, epoch=0)
    count = np.bincount([draw.row for draw in draws], minlength=10)
    assert count[9] == 50 and count[8] == 25  # systematic draws keep expected counts


def test_parts_of_all_processes_make_up_the_step():
    draws = [Draw(i, i) for i in range(10)]
    whole = step_draws(draws, 4, 1, Share())
    assert [len(step[0]) for step in whole] == [4, 4, 4]  # filled up from the beginning
    shared = [step_draws(draws, 4, 2, Share(rank, 2)) for rank in (0, 1)]
    for index, step in enumerate(whole):
        parts = [d for rank in shared for part in rank[index] for d in part]
        assert sorted(parts, key=lambda d: d.row) == sorted(step[0], key=lambda d: d.row)
    with pytest.raises(UsageError, match="at least one training window"):
        step_draws([], 4, 1, Share())


def test_losses_against_torch_and_the_published_smoothing():
    logits, targets = torch.randn(6, 1), torch.tensor([[0.0], [1.0]] * 3)
    each = window_losses(logits, targets, Loss(label_smoothing=0.02))
    soft = targets * 0.98 + 0.01
    torch.testing.assert_close(each.mean(), nnf.binary_cross_entropy_with_logits(logits, soft))
    logits, classes = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    each = window_losses(logits, nnf.one_hot(classes, 3), Loss("ce", label_smoothing=0.1))
    torch.testing.assert_close(
        each, nnf.cross_entropy(logits, classes, label_smoothing=0.1, reduction="none")
    )
    weights = (0.1, 0.9)
    each = window_losses(logits[:, :2], nnf.one_hot(classes % 2, 2), Loss("ce", 0.0, weights))
    torch.testing.assert_close(each, nnf.cross_entropy(
        logits[:, :2], classes % 2, torch.tensor(weights), reduction="none"))  # fmt: skip
    with pytest.raises(UsageError, match="expected 3 numbers"):
        window_losses(logits, logits, Loss(class_weights=weights))
    with pytest.raises(UsageError, match="two outputs or more"):
        window_losses(logits[:, :1], logits[:, :1], Loss("ce"))


def test_group_dro_moves_weight_to_the_worse_group():
    dro = GroupDro(2, step=0.5)
    losses = torch.tensor([0.1, 0.3, 2.0], requires_grad=True)
    value = dro(losses, torch.tensor([0, 0, 1]))
    q = np.exp(0.5 * np.array([0.2, 2.0]))
    q /= q.sum()
    np.testing.assert_allclose(dro.q, q, rtol=1e-5)
    assert float(value.detach()) == pytest.approx(float(q @ [0.2, 2.0]), rel=1e-5)
    value.backward()
    np.testing.assert_allclose(losses.grad, [q[0] / 2, q[0] / 2, q[1]], rtol=1e-5)
    dro(losses.detach(), torch.tensor([0, 0, 0]))
    assert torch.isfinite(dro.q).all() and float(dro.q.sum()) == pytest.approx(1.0)


def test_mix_up_mixes_pictures_and_targets_alike():
    settings, dice = Augment(mixup_p=1.0), torch.Generator().manual_seed(0)
    targets = torch.eye(4)
    pictures, mixed = mix_up([targets[:, :, None, None]], targets, settings, dice)
    torch.testing.assert_close(pictures[0][:, :, 0, 0], mixed)
    torch.testing.assert_close(mixed.sum(1), torch.ones(4))
    assert 0 < float(mixed[0, 0]) < 1 and float(mixed[0, 3]) == pytest.approx(
        1 - float(mixed[0, 0])
    )
    same = mix_up([targets], targets, Augment(), dice)
    assert same[1] is targets


def test_spec_augment_zeroes_at_most_what_was_published():
    settings = Augment(spec_p=1.0)
    for seed in range(20):
        picture = torch.ones(2, 1, 128, 157)
        masked = spec_augment(picture, settings, torch.Generator().manual_seed(seed))
        frames, bands = (masked[0, 0] == 0).all(0), (masked[0, 0] == 0).all(1)
        assert int(frames.sum()) <= 16 and int(bands.sum()) <= 8
        assert (masked[0] == masked[1]).all()
    assert picture.min() == 1  # the input is left alone
    narrow = torch.ones(2, 2, 4000, 1)  # one frame: no time mask can be meant
    masked = spec_augment(narrow, settings, torch.Generator().manual_seed(0))
    assert int((masked == 0).sum()) <= 2 * 2 * 8


def test_distortions_follow_the_seed_and_their_chances():
    known = {
        "quiet": Distortion("gain@{s}", (-6.0, 6.0), uniform=True, p=0.5),
        "narrow": Distortion("low_pass@{s}", (4000.0, 7000.0), p=1.0),
    }
    one = Distorter(known, ["quiet", "narrow"])
    chains = [str(one.drawn(seed)) for seed in range(200)]
    assert chains[7] == str(one.drawn(7))
    taken = np.mean(["gain" in chain for chain in chains])
    assert 0.35 < taken < 0.65 and all("low_pass" in chain for chain in chains)
    assert {"4000", "7000"} == {chain.split("@")[-1] for chain in chains}
    always = Distorter(known, ["quiet"], always=True)
    assert all("gain" in str(always.drawn(seed)) for seed in range(20))
    with pytest.raises(UnknownName, match="did you mean 'gain'"):
        Distorter({"x": Distortion("gian")}, ["x"])


def test_targets_by_label_generator_and_table(tmp_path):
    tracks = [track("a.wav", "ai", generator="suno"), track("b.wav")]
    assert Targets(("ai", "suno"), ("ai",)).matrix(tracks).tolist() == [[1, 1], [0, 0]]
    assert Targets(("human", "suno"), ("ai",)).matrix(tracks).tolist() == [[0, 1], [1, 0]]
    logits = np.array([[0.0, 1.0, 1.0]], np.float32)
    assert ai_logits(logits, ("human", "x", "y"))[0] == pytest.approx(math.log(2 * math.e))
    assert ai_logits(logits, ("x", "ai", "y"))[0] == 1.0
    with pytest.raises(EmptyClass, match="no positive one among 1"):
        check_classes("training", Targets(("ai",), ("ai",)), tracks[1:])
    with pytest.raises(EmptyClass, match="expected tracks, got none"):
        check_classes("validation", Targets(("ai",), ("ai",)), [])


def test_the_store_decodes_once_and_names_what_it_cannot(manifest, tmp_path):
    tone = manifest.parent / "ai-0.wav"
    (tmp_path / "bad.wav").write_bytes(b"RIFF nothing")
    tracks = [track(str(tone)), track(str(tmp_path / "bad.wav"))]
    store = SoundStore(tmp_path / "c", 16000, 60.0, "disk")
    calls = []
    faults = store.prepare(tracks, 1, lambda *c: calls.append(c))
    assert list(faults) == [str(tmp_path / "bad.wav")] and len(calls) == 2
    calls.clear()
    again = SoundStore(tmp_path / "c", 16000, 60.0, "memory")
    again.prepare(tracks, 1, lambda *c: calls.append(c))
    assert len(calls) == 1  # the failed one is tried again
    path, live = str(tone), SoundStore(tmp_path / "c", 16000, 60.0, "none")
    assert store.duration_s(path) == pytest.approx(1.5)
    np.testing.assert_array_equal(store.sound(path, 0.5, 0.5), again.sound(path, 0.5, 0.5))
    np.testing.assert_allclose(store.sound(path, 0.5, 0.5), live.sound(path, 0.5, 0.5), atol=1e-6)
    long = store.sound(path, 0.0, 2.0)  # a short track is repeated
    np.testing.assert_array_equal(long[24000:], long[:8000])


def test_a_store_cut_by_a_kill_goes_on(manifest, tmp_path):
    tracks = [track(str(manifest.parent / f"ai-{i}.wav")) for i in range(3)]
    store = SoundStore(tmp_path, 16000, 60.0, "disk")
    store.prepare(tracks[:2], 1)
    index, data = sorted(tmp_path.iterdir(), key=lambda p: p.suffix, reverse=True)
    whole = store.sound(tracks[1].path, 0, 1.5)
    index.write_bytes(index.read_bytes()[:-20])  # the kill came within the last line
    data.write_bytes(data.read_bytes() + b"\0" * 400)
    store = SoundStore(tmp_path, 16000, 60.0, "disk")
    assert store.prepare(tracks, 1) == {}
    np.testing.assert_array_equal(store.sound(tracks[1].path, 0, 1.5), whole)


def test_processes_and_threads_give_the_same_windows(manifest, tmp_path):
    tracks = tuple(track(str(manifest.parent / f"ai-{i}.wav")) for i in range(3))
    store = SoundStore(tmp_path, 16000, 60.0, "disk")
    store.prepare(tracks, 1)
    loud = {"loud": Distortion("time_stretch@{s}", (0.8, 1.2), uniform=True)}
    windows = Windows(store, tracks, 0.5, Distorter(loud, ["loud"]))
    parts = [[Draw(0, 5), Draw(1, 6)], [Draw(2, 7), Draw(0, 8)]]
    here = list(parts_ahead(windows, parts, 0))
    assert [tuple(p.shape) for p in here] == [(2, 8000)] * 2
    other = list(parts_ahead(windows, parts, 1))
    assert all(torch.equal(a, b) for a, b in zip(here, other, strict=True))
    with pytest.raises(KeyError):
        list(parts_ahead(dataclasses.replace(windows, tracks=(track("no"),)), [[Draw(0, 1)]], 0))


def test_a_checkpoint_is_whole_and_runs_no_code(tmp_path):
    path = tmp_path / "c.pt"
    save_checkpoint(path, {"step": 3, "w": torch.arange(3.0)})
    assert load_checkpoint(path)["step"] == 3 and [p.name for p in tmp_path.iterdir()] == ["c.pt"]
    torch.save({"x": pytest.raises}, path)  # a function: pickled code
    with pytest.raises(TrainingError, match="tensors and plain values"):
        load_checkpoint(path)
    path.write_bytes(b"half")
    with pytest.raises(TrainingError, match="delete it to begin again"):
        load_checkpoint(path)


def test_moving_average_follows_and_gives_back():
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 0.0)
    average = MovingAverage(module, 0.9)
    torch.nn.init.constant_(module.weight, 1.0)
    average.update(module)
    with average.applied(module):
        assert float(module.weight.detach()) == pytest.approx(0.9)  # the first decay is 1 / 10
    assert float(module.weight.detach()) == 1.0


def test_logs_drop_what_comes_after_the_checkpoint(tmp_path):
    log = CsvLog(tmp_path / "s.csv", "step", 0)
    for step in (1, 2, 3):
        log.add({"step": step, "loss": 0.1 * step})
    CsvLog(tmp_path / "s.csv", "step", 3).add({"step": 3, "loss": 9.0})
    assert (tmp_path / "s.csv").read_text() == f"step,loss\n1,0.1\n2,{0.1 * 2!r}\n3,9.0\n"


def test_tensorboard_writes_or_says_what_is_missing(tmp_path, monkeypatch):
    import sys

    with TensorBoard(tmp_path / "off", False, 0) as board:
        board.add("step", {"loss": 1.0}, 1)
    assert not (tmp_path / "off").exists()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match="tensorboard"):
        TensorBoard(tmp_path / "on", True, 0)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory: 9 GB")])
def test_running_out_of_memory_names_the_remedy(error, tmp_path):
    with pytest.raises(OutOfMemory, match="accumulate=4"), memory_watch(32, 2, 7, tmp_path):
        raise error
    with pytest.raises(RuntimeError, match="shapes"), memory_watch(32, 2, 7, tmp_path):
        raise RuntimeError("shapes differ")
