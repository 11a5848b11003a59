# SPDX-License-Identifier: MIT
"""Weights from and to a Hugging Face hub: published files by their cards, anyone's by repository.

What is fetched becomes a folder as `unsung.export.pretrained` writes it, with safetensors and
the config.json of PyTorchModelHubMixin; pickles go through the weights-only reader: nothing in them
runs. When not to use: for data sets (`unsung data fetch`).
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from unsung.data.fetch_http import Remote, get_file
from unsung.data.fetch_web import Settings
from unsung.detectors._cards import WeightsCard, card
from unsung.detectors._checkpoints import load_weights
from unsung.detectors.base import Detector
from unsung.errors import FetchError, MissingExtra, UsageError
from unsung.export.pretrained import (
    CONFIG,
    FILES,
    OLD_WEIGHTS,
    WEIGHTS,
    WRITTEN,
    Saved,
    load_pretrained,
    make,
    save_pretrained,
)
from unsung.outputs import output_folder

__all__ = ["default_folder", "fetch", "pull", "push"]


def default_folder(name: str) -> Path:
    """Return where weights of that name are kept: ``unsung/weights`` in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "unsung" / "weights" / Path(*name.split("/"))


def fetch(name: str, folder: Path | None = None, *, endpoint: str = "", token: str = "") -> Saved:
    """Fetch published weights by the name of their card, check them and convert them.

    Args:
        name: as `unsung weights list` shows it.
        folder: where they go; by default `default_folder`.
        endpoint: another hub's address.
        token: access token, for gated repositories.

    Raises:
        UnknownName: no card of that name.
        FetchError: not reachable, not there, gated, or another file than the card says.
        BundleError: the file does not fit its detector.
        MissingExtra: huggingface_hub is not installed.
    """
    about = card(name)
    output_folder(folder or default_folder(name), (), WRITTEN, signs=(CONFIG,))
    if about.url:
        path = _from_web(about, default_folder(name))
    else:
        path = _download(about.repository, about.file, about.revision, endpoint, token)
    came = hashlib.sha256(path.read_bytes()).hexdigest()
    if about.sha256 and came != about.sha256:
        raise FetchError(
            f"{about.repository or about.url}: {about.file} has hash {came[:12]}, the card says "
            f"{about.sha256[:12]}; it was replaced, do not trust it unseen"
        )
    return save_pretrained(
        _loaded(about, path),
        folder or default_folder(name),
        name=name,
        about=about,
        parameters=about.parameters,
    )


def pull(
    repository: str,
    folder: Path | None = None,
    *,
    revision: str = "main",
    endpoint: str = "",
    token: str = "",
) -> Saved:
    """Fetch a detector that someone pushed, load it once to check it, and keep it in a folder.

    Raises:
        UsageError: the repository's name has another form.
        FetchError, BundleError, MissingExtra: as `fetch`.
    """
    _check_name(repository)
    output_folder(folder or default_folder(repository), (), WRITTEN, signs=(CONFIG,))
    config = _download(repository, CONFIG, revision, endpoint, token)
    try:
        _download(repository, WEIGHTS, revision, endpoint, token)
    except _NoSuchFile:
        _download(repository, OLD_WEIGHTS, revision, endpoint, token)
    detector = load_pretrained(config.parent)
    return save_pretrained(detector, folder or default_folder(repository), name=repository)


def push(
    folder: Path, repository: str, *, token: str, endpoint: str = "", private: bool = True
) -> str:
    """Send a folder's three files as a model repository; return its page.

    Raises:
        UsageError: no token, or the repository's name has another form.
        BundleError: the folder does not hold a detector that loads.
        FetchError: refused or not reachable.
        MissingExtra: huggingface_hub is not installed.
    """
    _check_name(repository)
    if not token:
        raise UsageError("no token; make one on the hub, with the right to write, and set HF_TOKEN")
    load_pretrained(folder)
    hub = _hub("publishing on a hub")
    api = hub.HfApi(endpoint=endpoint or None, token=token)
    try:
        page = api.create_repo(repository, repo_type="model", private=private, exist_ok=True)
        names = [name for name in FILES if (folder / name).is_file()]
        files = [hub.CommitOperationAdd(name, folder / name) for name in names]
        api.create_commit(repository, files, commit_message="unsung: weights", repo_type="model")
    except (hub.errors.HfHubHTTPError, OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise FetchError(
            f"{repository}: not published ({said}); check the token and try again"
        ) from error
    return str(page)


def _loaded(about: WeightsCard, path: Path) -> Detector:
    """Return the card's detector with the weights of the file."""
    detector = make(about.detector, about.parameters)
    if about.released:
        released: Detector = type(detector).from_released(path)  # type: ignore[attr-defined]
        return released
    if about.backbone:
        detector.load_backbone(path)  # type: ignore[operator]
    else:
        load_weights(detector, path)
    return detector


def _from_web(about: WeightsCard, folder: Path) -> Path:
    """Download a file that lies on no hub; an interrupted download goes on."""
    checksum = f"sha256:{about.sha256}" if about.sha256 else ""
    remote = Remote(about.file, about.url, checksum=checksum)
    return get_file(remote, folder, Settings(), lambda *_: None)


class _NoSuchFile(FetchError):
    """The repository is there, the file is not."""


def _download(repository: str, file: str, revision: str, endpoint: str, token: str) -> Path:
    hub = _hub("fetching weights")
    where = f"{repository}, {file}"
    try:
        found = hub.hf_hub_download(
            repository, file, revision=revision, endpoint=endpoint or None, token=token or None
        )
    except hub.errors.GatedRepoError as error:
        raise FetchError(
            f"{where}: the repository is gated; accept its terms on its page, make a token there "
            "and set HF_TOKEN"
        ) from error
    except hub.errors.RepositoryNotFoundError as error:
        raise FetchError(
            f"{where}: no such repository, or it is private; check the name, or set HF_TOKEN"
        ) from error
    except hub.errors.LocalEntryNotFoundError as error:
        raise FetchError(
            f"{where}: the hub cannot be reached and the file is not in its cache; try again with "
            "a network"
        ) from error
    except hub.errors.EntryNotFoundError as error:
        raise _NoSuchFile(f"{where}: no such file in the repository; see its page") from error
    except (hub.errors.HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise FetchError(f"{where}: could not be fetched ({said}); try again") from error
    return Path(found)


def _hub(need: str) -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ModuleNotFoundError as error:
        raise MissingExtra("huggingface_hub", "data", need) from error
    return huggingface_hub


def _check_name(repository: str) -> None:
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UsageError(f"{repository}: expected a repository as OWNER/NAME")
