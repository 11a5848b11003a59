# SPDX-License-Identifier: MIT
"""Weights on disk and on a hub: what is written, what loads, what is refused; the hub is local."""

import hashlib
import io
import json
import runpy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("huggingface_hub")
pytest.importorskip("safetensors")

from safetensors.torch import load_file, save_file

from unsung import registry
from unsung.detectors import _cards
from unsung.detectors._cards import WeightsCard, card, cards
from unsung.detectors.deezer_cnn import DeezerCNN
from unsung.detectors.instrument_cnn import InstrumentCNN
from unsung.detectors.residual_linear import ResidualLinear
from unsung.detectors.resnet18 import ResNet18
from unsung.detectors.spectttra import SpecTTTra
from unsung.errors import BundleError, FetchError, MissingExtra, UnknownName, UsageError
from unsung.export.hub import default_folder, fetch, pull, push
from unsung.export.pretrained import convert, load_pretrained, make, save_pretrained
from unsung.frontends.residual_spectrum import ResidualSpectrum

SERVERS = runpy.run_path(str(Path(__file__).parents[1] / "data" / "datasets" / "servers.py"))
SHA = SERVERS["SHA"]


class Models(SERVERS["Hub"]):
    """The model repository jo/model, and any other that `server.elsewhere` names."""

    def route(self, path, body):
        server = self.server
        if path == "/api/repos/create":
            server.made = json.loads(body)
            return self.send(200, {"url": f"{server.url}/jo/model", "name": "jo/model"})
        if path == "/api/models/jo/model/commit/main":
            return self.repository("commit/main", body)
        if path.startswith("/api/models/jo/model/"):
            return self.repository(path.removeprefix("/api/models/jo/model/"), body)
        for name in ("jo/model", *server.elsewhere):
            if path.startswith(f"/{name}/resolve/"):
                return self.file(path.split("/", 5)[-1])
        if "/resolve/" in path:
            return self.send(404, {}, {"X-Error-Code": "RepoNotFound"})
        return super().route(path, body)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with SERVERS["serve"](Models) as server:
        server.elsewhere = ["awsaf49/sonics-spectttra-gamma-5s", "timm/resnet18.tv_in1k"]
        yield server


@pytest.fixture(scope="module")
def gamma():
    torch.manual_seed(0)
    return SpecTTTra().eval()


def pickled(state):
    data = io.BytesIO()
    torch.save(state, data)
    return data.getvalue()


def logits(detector):
    rate = detector.front_ends[0].sample_rate_hz
    sound = torch.randn(
        1, round(detector.window_s * rate), generator=torch.Generator().manual_seed(1)
    )
    with torch.no_grad():
        return detector.eval()(0.1 * sound)


class TestFolder:
    @pytest.mark.parametrize(
        "detector",
        [
            lambda: DeezerCNN("polar", generators=("human", "suno")),
            lambda: InstrumentCNN(2, instruments=("violin", "viola")),
            lambda: ResNet18(1, freeze=True, window_s=2.0),
            lambda: ResidualLinear((ResidualSpectrum(8000, n_fft=2048, hop=2048, high_hz=4000.0),)),
        ],
        ids=["deezer", "instruments", "resnet", "linear"],
    )
    def test_what_is_saved_comes_back_with_its_settings(self, detector, tmp_path):
        made = detector()
        if isinstance(made, ResidualLinear):
            torch.nn.init.normal_(made.weights[0])
        saved = save_pretrained(made, tmp_path / "x")
        again = load_pretrained(tmp_path / "x")
        assert type(again) is type(made)
        assert again.outputs == made.outputs
        assert again.front_ends == made.front_ends
        assert torch.equal(logits(again), logits(made))
        raw = (tmp_path / "x" / "model.safetensors").read_bytes()
        assert saved.sha256 == hashlib.sha256(raw).hexdigest()
        assert saved.n_parameters == sum(p.numel() for p in made.parameters())

    def test_the_mixin_of_huggingface_hub_loads_it(self, gamma, tmp_path):
        from huggingface_hub import PyTorchModelHubMixin

        class Hub(SpecTTTra, PyTorchModelHubMixin):
            pass

        save_pretrained(gamma, tmp_path / "ours")
        theirs = Hub.from_pretrained(tmp_path / "ours")
        assert (theirs.variant, theirs.seconds) == ("gamma", 5)
        assert torch.equal(logits(theirs), logits(gamma))

    def test_config_and_card(self, gamma, tmp_path):
        save_pretrained(gamma, tmp_path / "x", about=card("sonics/spectttra-gamma-5s"))
        config = json.loads((tmp_path / "x/config.json").read_text("utf-8"))
        settings = {"variant": "gamma", "seconds": 5, "mode": "production"}
        assert config == {"detector": "spectttra", "outputs": ["ai"], **settings}
        text = (tmp_path / "x/README.md").read_text("utf-8")
        assert text.startswith("---\nlibrary_name: unsung\nlicense: mit\ntags:\n")
        assert "- pytorch_model_hub_mixin\n" in text
        assert "CC BY-NC 4.0" in text
        assert "awsaf49/sonics-spectttra-gamma-5s" in text

    def test_a_folder_without_config_or_with_a_damaged_one(self, tmp_path):
        with pytest.raises(BundleError, match=r"expected a folder with config.json"):
            load_pretrained(tmp_path)
        for text in ("{", "[]", ""):
            (tmp_path / "config.json").write_text(text)
            with pytest.raises(BundleError, match=r"cannot read config.json"):
                load_pretrained(tmp_path)

    def test_weights_of_another_variant_are_named(self, gamma, tmp_path):
        save_pretrained(gamma, tmp_path)
        config = json.loads((tmp_path / "config.json").read_text("utf-8"))
        (tmp_path / "config.json").write_text(json.dumps({**config, "variant": "alpha"}))
        with pytest.raises(BundleError, match=r"not of this SpecTTTra: .* has shape"):
            load_pretrained(tmp_path)

    def test_an_unknown_setting_or_detector_is_named(self):
        with pytest.raises(UnknownName, match=r"spectttra setting named 'varian'.*'variant'"):
            make("spectttra", {"varian": "beta"})
        with pytest.raises(UnknownName, match=r"did you mean 'spectttra'"):
            make("specttra", {})

    def test_what_was_made_by_name_knows_its_settings(self, tmp_path):
        """AASIST and others keep no attribute of each argument."""
        made = make("aasist", {"size": "light"})
        save_pretrained(made, tmp_path)
        again = load_pretrained(tmp_path)
        assert torch.equal(logits(again), logits(made))

    def test_settings_that_cannot_be_read_must_be_given(self, tmp_path):
        detector = ResNet18(1)
        del detector.freeze
        with pytest.raises(UsageError, match=r"ResNet18 does not keep its argument 'freeze'"):
            save_pretrained(detector, tmp_path)
        save_pretrained(detector, tmp_path, parameters={"channels": 1})
        assert load_pretrained(tmp_path).channels == 1


class TestConvert:
    def test_a_training_checkpoint(self, gamma, tmp_path):
        state = {f"module.{k}": v for k, v in gamma.state_dict().items()}
        torch.save({"model": state, "epoch": 3}, tmp_path / "best.pth")
        saved = convert(tmp_path / "best.pth", "spectttra", {"variant": "gamma"}, tmp_path / "x")
        assert saved.name == "x"
        assert torch.equal(logits(load_pretrained(tmp_path / "x")), logits(gamma))

    def test_nothing_is_written_of_weights_that_do_not_fit(self, gamma, tmp_path):
        torch.save(gamma.state_dict(), tmp_path / "w.pt")
        with pytest.raises(BundleError, match=r"not of this ViT"):
            convert(tmp_path / "w.pt", "vit", {}, tmp_path / "x")
        assert not (tmp_path / "x").exists()


class TestCards:
    def test_every_card_fits_its_detector(self):
        for one in cards():
            detector = make(one.detector, one.parameters)
            assert sum(p.numel() for p in detector.parameters()) == one.n_parameters, one.name
            assert one.repository.count("/") == 1 or (one.url and len(one.sha256) == 64)
            assert not one.released or hasattr(type(detector), "from_released")
            assert one.licence
            assert one.paper
            assert one.data

    def test_all_published_sonics_models_have_one(self):
        names = {f"sonics/spectttra-{v}-{s}s" for v in ("alpha", "beta", "gamma") for s in (5, 120)}
        assert names <= {one.name for one in cards()}

    def test_a_wrong_name_suggests_the_near_one(self):
        with pytest.raises(UnknownName, match=r"did you mean 'sonics/spectttra-gamma-5s'"):
            card("sonics/specttra-gama-5s")

    def test_a_backbone_is_loaded_by_a_detector_that_can(self):
        for one in cards():
            assert not one.backbone or hasattr(
                registry.get("detectors", one.detector), "load_backbone"
            )


class TestFetch:
    NAME = "sonics/spectttra-gamma-5s"

    def test_published_weights_arrive_as_safetensors(self, hub, gamma):
        hub.files["pytorch_model.bin"] = pickled(gamma.state_dict())
        saved = fetch(self.NAME, endpoint=hub.url)
        folder = default_folder(self.NAME)
        assert Path(saved.folder) == folder
        assert saved.licence == "MIT"
        assert load_file(folder / "model.safetensors").keys() == gamma.state_dict().keys()
        assert torch.equal(logits(load_pretrained(folder)), logits(gamma))

    def test_a_hostile_file_is_not_executed_and_nothing_is_written(self, hub, tmp_path):
        class Payload:
            def __reduce__(self):
                return (Path.touch, (tmp_path / "trace",))

        hub.files["pytorch_model.bin"] = pickled({"x": Payload()})
        with pytest.raises(BundleError, match=r"refused"):
            fetch(self.NAME, tmp_path / "to", endpoint=hub.url)
        assert not (tmp_path / "trace").exists()
        assert not (tmp_path / "to").exists()

    def test_a_backbone_starts_with_logit_zero(self, hub, tmp_path):
        state = {k: v for k, v in ResNet18().state_dict().items() if not k.startswith("fc.")}
        state |= {"fc.weight": torch.ones(1000, 512), "fc.bias": torch.ones(1000)}
        save_file(state, str(tmp_path / "w.safetensors"))
        hub.files["model.safetensors"] = (tmp_path / "w.safetensors").read_bytes()
        saved = fetch("imagenet/resnet18", tmp_path / "to", endpoint=hub.url)
        assert "until you train" in saved.notes
        detector = load_pretrained(tmp_path / "to")
        assert torch.equal(
            detector.state_dict()["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"]
        )
        assert not logits(detector).any()

    def test_a_file_on_no_hub_read_by_its_detector(self, hub, tmp_path, monkeypatch):
        pytest.importorskip("pooch")
        aasist = registry.get("detectors", "aasist")
        state = aasist("light").network.state_dict()
        hub.files["AASIST-L.pth"] = pickled(state)
        stated = card("asvspoof/aasist-l").to_dict() | {
            "url": f"{hub.url}/jo/model/resolve/main/AASIST-L.pth",
            "sha256": hashlib.sha256(hub.files["AASIST-L.pth"]).hexdigest(),
        }
        monkeypatch.setattr(_cards, "cards", lambda: [WeightsCard.from_dict(stated)])
        saved = fetch("asvspoof/aasist-l", tmp_path / "to")
        assert "says nothing reliable about music" in saved.notes
        detector = load_pretrained(tmp_path / "to")
        assert detector.score == "authors"
        assert all(torch.equal(detector.network.state_dict()[k], v) for k, v in state.items())
        hub.files["AASIST-L.pth"] += b"?"
        (default_folder("asvspoof/aasist-l") / "AASIST-L.pth").unlink()
        with pytest.raises(FetchError, match=r"not the published ones"):
            fetch("asvspoof/aasist-l", tmp_path / "to")

    def test_a_file_that_was_replaced_is_refused(self, hub, gamma, monkeypatch):
        stated = card(self.NAME).to_dict() | {"sha256": "0" * 64}
        monkeypatch.setattr(_cards, "cards", lambda: [WeightsCard.from_dict(stated)])
        hub.files["pytorch_model.bin"] = pickled(gamma.state_dict())
        with pytest.raises(FetchError, match=r"the card says 000000000000; it was replaced"):
            fetch(self.NAME, endpoint=hub.url)

    def test_what_can_go_wrong_is_said(self, hub, gamma):
        with pytest.raises(FetchError, match=r"no such file in the repository"):
            fetch(self.NAME, endpoint=hub.url)
        hub.gated = True
        with pytest.raises(FetchError, match=r"gated; accept its terms .* HF_TOKEN"):
            fetch(self.NAME, endpoint=hub.url)
        with pytest.raises(FetchError, match=r"no such repository, or it is private"):
            pull("jo/nothing", endpoint=hub.url)

    def test_no_network(self, hub, monkeypatch):
        monkeypatch.setattr("time.sleep", lambda _: None)  # the package's pauses between attempts
        with pytest.raises(FetchError, match=r"cannot be reached"):
            fetch(self.NAME, endpoint="http://127.0.0.1:9")

    def test_without_the_package_the_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
        with pytest.raises(MissingExtra, match=r"needs the package 'huggingface_hub'"):
            fetch(self.NAME)


class TestPushAndPull:
    def test_what_one_pushes_another_pulls(self, hub, gamma, tmp_path):
        save_pretrained(gamma, tmp_path / "mine")
        page = push(tmp_path / "mine", "jo/model", token="secret", endpoint=hub.url)
        assert page.endswith("/jo/model")
        assert hub.made["name"] == "model"
        assert hub.made.get("private") is True or hub.made.get("visibility") == "private"
        assert sorted(hub.files) == ["README.md", "config.json", "model.safetensors"]
        saved = pull("jo/model", tmp_path / "yours", endpoint=hub.url)
        assert saved.name == "jo/model"
        assert torch.equal(logits(load_pretrained(tmp_path / "yours")), logits(gamma))

    def test_a_published_sonics_repository_is_pulled_by_its_own_config(self, hub, gamma, tmp_path):
        model = {"name": "SpecTTTra", "t_clip": 7, "f_clip": 5}
        hub.files["config.json"] = json.dumps({"audio": {"max_time": 5}, "model": model}).encode()
        hub.files["pytorch_model.bin"] = pickled(gamma.state_dict())
        pull("jo/model", tmp_path / "x", endpoint=hub.url)
        assert torch.equal(logits(load_pretrained(tmp_path / "x")), logits(gamma))

    def test_only_a_detector_that_loads_is_pushed(self, hub, gamma, tmp_path):
        save_pretrained(gamma, tmp_path)
        (tmp_path / "model.safetensors").write_bytes(b"junk")
        with pytest.raises(BundleError, match=r"expected a safetensors file"):
            push(tmp_path, "jo/model", token="secret", endpoint=hub.url)
        assert hub.log == []

    def test_refusals(self, hub, gamma, tmp_path):
        save_pretrained(gamma, tmp_path)
        with pytest.raises(UsageError, match=r"no token"):
            push(tmp_path, "jo/model", token="")
        with pytest.raises(UsageError, match=r"expected a repository as OWNER/NAME"):
            push(tmp_path, "model", token="secret")
        with pytest.raises(UsageError, match=r"expected a repository as OWNER/NAME"):
            pull("jo/", endpoint=hub.url)
        hub.faults[("POST", "/api/models/jo/model/commit/main")] = 403
        with pytest.raises(FetchError, match=r"not published \(.*403"):
            push(tmp_path, "jo/model", token="secret", endpoint=hub.url)
