# SPDX-License-Identifier: MIT
"""Publishes files as a dataset repository of a Hugging Face hub, through huggingface_hub.

Files go out in commits of a few hundred. What lies there with the same size and content is not
sent again, so an interrupted upload goes on. The repository is made if needed, private until you
open it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unsung.data.publish import Part
from unsung.errors import FetchError, MissingExtra, UsageError

__all__ = ["Pushed", "push"]

_COMMIT_FILES = 200


@dataclass(frozen=True)
class Pushed:
    """What became of it: the repository's page, files sent and kept."""

    url: str
    sent: tuple[str, ...]
    kept: tuple[str, ...]


def push(
    parts: Sequence[Part],
    repository: str,
    token: str,
    endpoint: str = "",
    *,
    private: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> Pushed:
    """Upload files to a dataset repository.

    Args:
        parts: the files, with their names there.
        repository: `OWNER/NAME`.
        token: access token with the right to write.
        endpoint: another hub's address.
        private: whether a new repository is private.
        report: told the first name of each commit before it is sent.

    Raises:
        UsageError: no token, or the repository's name has another form.
        MissingExtra: huggingface_hub is not installed.
        FetchError: refused or not reachable; what was committed stays.
    """
    _check(repository, token)
    try:
        import huggingface_hub as hub
        from huggingface_hub.errors import HfHubHTTPError
    except ModuleNotFoundError as error:
        raise MissingExtra("huggingface_hub", "data", "publishing on a hub") from error
    api = hub.HfApi(endpoint=endpoint or None, token=token)
    sent: list[str] = []
    kept: list[str] = []
    new: list[Part] = []
    try:
        made = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        sizes = _there(api, repository)
        for part in parts:
            # Texts at the top may change without changing their size; they always go out.
            same = "/" in part.name and sizes.get(part.name) == part.size_bytes
            kept.append(part.name) if same else new.append(part)
        for start in range(0, len(new), _COMMIT_FILES):
            group = new[start : start + _COMMIT_FILES]
            report(group[0].name)
            files = [hub.CommitOperationAdd(part.name, part.path) for part in group]
            words = f"unsung: {len(group)} files"
            api.create_commit(repository, files, commit_message=words, repo_type="dataset")
            sent += [part.name for part in group]
    except (HfHubHTTPError, OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise FetchError(
            f"{repository}: not published completely ({said}); {len(sent)} files arrived: "
            "check the token and run the same command again to go on"
        ) from error
    return Pushed(str(made), tuple(sent), tuple(kept))


def _check(repository: str, token: str) -> None:
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UsageError(f"{repository}: expected a repository as OWNER/NAME")
    if not token:
        raise UsageError("no token; make one on the hub, with the right to write, and set HF_TOKEN")


def _there(api: Any, repository: str) -> dict[str, int]:
    """Return the sizes of the files that the repository has."""
    from huggingface_hub.hf_api import RepoFile

    tree = api.list_repo_tree(repository, recursive=True, repo_type="dataset")
    return {item.path: int(item.size) for item in tree if isinstance(item, RepoFile)}
