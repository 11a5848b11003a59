# SPDX-License-Identifier: MIT
"""AST: its picture, a checkpoint from a folder, errors; a tiny random configuration."""

import numpy as np
import pytest

from unsung.errors import UsageError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from unsung.detectors.ast import AST

TINY = {"hidden": 16, "layers": 1, "heads": 2, "window_s": 0.63}


def tiny_config(**changes):
    sizes = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "max_length": 64, "num_mel_bins": 128,
    }  # fmt: skip
    return transformers.ASTConfig(**{**sizes, **changes})


def test_frames_and_patches():
    detector = AST(**TINY)
    assert detector.frames == 64
    assert detector.transformer.embeddings.position_embeddings.shape[1] == 8 * 4 + 2


def test_what_the_transformer_hears_is_natural_log_mel_with_audioset_scaling():
    detector = AST(**TINY).eval()
    heard = []
    detector.transformer.register_forward_pre_hook(
        lambda _, args, kwargs: heard.append(kwargs["input_values"]), with_kwargs=True
    )
    sound = 0.1 * torch.randn(1, 10080)
    with torch.no_grad():
        detector(sound)
    power = 10 ** (detector.front_ends[0](sound.numpy())[0, 0] / 10)
    expected = (np.log(power).T + 4.2677393) / (2 * 4.5689974)
    np.testing.assert_allclose(heard[0][0].numpy(), expected, atol=1e-4)


def test_a_checkpoint_from_a_folder(tmp_path):
    torch.manual_seed(0)
    model = transformers.ASTModel(tiny_config())
    model.save_pretrained(tmp_path / "ast")
    detector = AST(str(tmp_path / "ast"), window_s=0.63)
    for name, value in model.state_dict().items():
        assert torch.equal(detector.transformer.state_dict()[name], value), name
    assert detector.eval()(0.1 * torch.randn(2, 10080)).shape == (2, 1)


def test_windows_are_averaged_and_all_weights_learn():
    torch.manual_seed(0)
    detector = AST(**TINY).eval()
    sound = 0.1 * torch.randn(1, 2 * 10080)
    with torch.no_grad():
        both = torch.cat([detector(part) for part in sound.split(10080, 1)]).mean()
        assert float(detector(sound)) == pytest.approx(float(both), abs=1e-5)
    detector.train()
    detector(sound).sum().backward()
    missing = [name for name, p in detector.named_parameters() if p.grad is None]
    assert not missing


def test_wrong_checkpoints(tmp_path):
    transformers.ASTModel(tiny_config(max_length=48)).save_pretrained(tmp_path / "short")
    with pytest.raises(UsageError, match=r"made for 48 frames .* set window_s to 0.47"):
        AST(str(tmp_path / "short"), window_s=0.63)
    with pytest.raises(UsageError, match="expected AST weights at"):
        AST(str(tmp_path / "nothing"))
