# SPDX-License-Identifier: MIT
"""Weight files of every origin: read without executing anything, refused in words."""

import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from unsung.detectors._checkpoints import hide_engines, load_weights, read_weights
from unsung.detectors._windowed import spread
from unsung.detectors.vggish_attention import VGGishAttention
from unsung.errors import BundleError


class Payload:
    """An object whose unpickling writes a file: what a hostile checkpoint does."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


def module():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


WRAPPINGS = {
    "plain": lambda state: state,
    "training": lambda state: {"model": state, "optimizer": {"lr": 0.1}, "epoch": 3},
    "lightning": lambda state: {"state_dict": state, "epoch": 3},
    "parallel": lambda state: {f"module.{k}": v for k, v in state.items()},
    "parallel training": lambda state: {"model": {f"module.{k}": v for k, v in state.items()}},
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize("suffix", [".pt", ".bin", ".pth"])
def test_every_wrapping_loads(wrap, suffix, tmp_path):
    source, target = module(), torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    torch.save(wrap(source.state_dict()), tmp_path / f"w{suffix}")
    load_weights(target, tmp_path / f"w{suffix}")
    assert torch.equal(target[0].weight, source[0].weight)


def test_safetensors_load(tmp_path):
    from safetensors.torch import save_file

    source, target = module(), torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    save_file(source.state_dict(), str(tmp_path / "w.safetensors"))
    load_weights(target, tmp_path / "w.safetensors")
    assert torch.equal(target[0].bias, source[0].bias)


@pytest.mark.parametrize("write", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_code_in_a_pickle_is_never_run(write, tmp_path):
    trace, path = tmp_path / "trace", tmp_path / "w.pt"
    write({"weight": Payload(str(trace))}, path)
    with pytest.raises(BundleError, match=r"refused, because loading it would run code"):
        read_weights(path)
    assert not trace.exists()


def test_a_whole_pickled_module_is_refused(tmp_path):
    torch.save(module(), tmp_path / "w.pt")
    with pytest.raises(BundleError, match=r"refused.*plain state dict"):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"junk", b"<html>not found</html>" * 9])
def test_other_files_are_named(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BundleError, match=name):
        read_weights(path)


def test_a_truncated_file_is_named(tmp_path):
    torch.save(module().state_dict(), tmp_path / "w.pt")
    whole = (tmp_path / "w.pt").read_bytes()
    (tmp_path / "w.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BundleError, match=r"w.pt: expected a file of weights"):
        read_weights(tmp_path / "w.pt")


def test_no_file_and_no_tensors(tmp_path):
    with pytest.raises(BundleError, match=r"none.pt: expected a file of weights, found none"):
        read_weights(tmp_path / "none.pt")
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(BundleError, match=r"'epoch' is int"):
        read_weights(tmp_path / "w.pt")
    torch.save([torch.ones(1)], tmp_path / "w.pt")
    with pytest.raises(BundleError, match=r"expected tensors by name, got list"):
        read_weights(tmp_path / "w.pt")


class TestMisfits:
    def load(self, tmp_path, change):
        target, state = module(), dict(module().state_dict())
        before = target[0].weight.clone()
        change(state)
        torch.save(state, tmp_path / "w.pt")
        try:
            load_weights(target, tmp_path / "w.pt")
        finally:
            self.unchanged = torch.equal(before, target[0].weight)

    def test_a_missing_name(self, tmp_path):
        with pytest.raises(BundleError, match=r"not of this Sequential: '0.bias' is missing;"):
            self.load(tmp_path, lambda state: state.pop("0.bias"))
        assert self.unchanged

    def test_a_name_too_many(self, tmp_path):
        with pytest.raises(BundleError, match=r"'2.weight' has no place"):
            self.load(tmp_path, lambda state: state.update({"2.weight": torch.ones(1)}))

    def test_another_shape(self, tmp_path):
        with pytest.raises(BundleError, match=r"'0.weight' has shape \[2, 4\], expected \[2, 3\]"):
            self.load(tmp_path, lambda state: state.update({"0.weight": torch.ones(2, 4)}))

    def test_not_finite(self, tmp_path):
        nan = torch.full((2,), float("nan"))
        with pytest.raises(BundleError, match=r"'0.bias' holds NaN or infinity"):
            self.load(tmp_path, lambda state: state.update({"0.bias": nan}))
        assert self.unchanged

    def test_a_long_list_is_cut(self, tmp_path):
        with pytest.raises(BundleError, match=r"and 3 more"):
            self.load(tmp_path, lambda state: [state.pop(k) for k in list(state)[:-1]])

    def test_the_batch_counter_may_be_missing(self, tmp_path):
        self.load(tmp_path, lambda state: state.pop("1.num_batches_tracked"))


def test_constants_of_front_ends_stay_out_of_the_state():
    detector = VGGishAttention()
    assert any(name.startswith("engines.") for name, _ in detector.named_buffers())
    state = detector.state_dict()
    assert not any(name.startswith("engines.") for name in state)
    assert detector.load_state_dict(state).missing_keys == []
    plain = torch.nn.Linear(2, 2)
    hide_engines(plain)
    with pytest.raises(RuntimeError, match=r"Missing key"):
        plain.load_state_dict({"weight": torch.ones(2, 2)})


class TestSpread:
    def starts(self, n_samples, length):
        return spread(torch.arange(float(n_samples))[None], length)[0, :, 0].tolist()

    def test_whole_windows_follow_one_another(self):
        assert self.starts(30, 10) == [0, 10, 20]
        assert self.starts(10, 10) == [0]

    def test_a_rest_makes_windows_overlap_and_the_last_ends_with_the_clip(self):
        assert self.starts(25, 10) == [0, 8, 15]
        assert self.starts(11, 10) == [0, 1]

    def test_a_short_clip_is_padded_with_silence(self):
        assert spread(torch.ones(2, 3), 5).tolist() == [[[1, 1, 1, 0, 0]]] * 2
