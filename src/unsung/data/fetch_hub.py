# SPDX-License-Identifier: MIT
"""Where files are: `zenodo:RECORD/FILE` through Zenodo's API, `hf://datasets/...` through the hub.

Zenodo's API states address, size and md5 of every file. The hub package resumes and checks by
itself; gated repositories need a token (HF_TOKEN) of an account that accepted their terms.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from unsung.data.fetch_http import Remote
from unsung.data.fetch_web import Settings, read_json
from unsung.errors import FetchError, MissingExtra, UsageError, nearest

__all__ = ["hub_files", "zenodo_files"]


def zenodo_files(address: str, settings: Settings) -> list[Remote]:
    """Return the file, or all files, that `zenodo:RECORD` or `zenodo:RECORD/FILE` names.

    Raises:
        UsageError: the address has another form.
        FetchError: no such record or file, or its API cannot be reached.
    """
    record, _, wanted = address.removeprefix("zenodo:").partition("/")
    if not record.isdigit():
        raise UsageError(f"{address}: expected zenodo:RECORD or zenodo:RECORD/FILE")
    url = f"{settings.zenodo_api}/records/{record}"
    answer = read_json(url, settings)
    try:
        found = [_remote(item) for item in answer["files"]]
    except (KeyError, TypeError) as error:
        raise FetchError(
            f"{url}: expected a record with files, {error} is missing; its files may be restricted"
        ) from error
    if not wanted:
        return found
    chosen = [file for file in found if file.name == wanted]
    if not chosen:
        near = nearest(wanted, [file.name for file in found])
        hint = f"did you mean '{near}'?" if near else "see the record's page"
        raise FetchError(f"{url}: no file named '{wanted}'; {hint}")
    return chosen


def hub_files(
    address: str, folder: Path, settings: Settings, skip: Collection[str] = ()
) -> list[Path]:
    """Download from a Hugging Face hub; return the files, which lie below the folder as there.

    Args:
        address: `hf://datasets/OWNER/NAME`, with `/FILE` or a pattern such as `/data/*.parquet`.
        folder: where they go.
        settings: `hub` names another hub.
        skip: files that are not needed again.

    Raises:
        UsageError: the address has another form.
        MissingExtra: huggingface_hub is not installed.
        FetchError: not found, gated, not reachable, or the disk is full.
    """
    repository, pattern = _parse(address)
    try:
        import huggingface_hub as hub
    except ModuleNotFoundError as error:
        raise MissingExtra("huggingface_hub", "data", "downloading from a hub") from error
    place: dict[str, Any] = {
        "repo_type": "dataset",
        "local_dir": folder,
        "endpoint": settings.hub or None,
    }
    try:
        if pattern in skip:
            return []
        if pattern and not any(sign in pattern for sign in "*?["):
            return [Path(hub.hf_hub_download(repository, pattern, **place))]
        # Asked first, because snapshot_download takes an old folder for good if the hub is away.
        facts = hub.HfApi(endpoint=settings.hub or None).dataset_info(repository)
        names = [item.rfilename for item in facts.siblings or ()]
        names = [name for name in names if fnmatchcase(name, pattern or "*") and name not in skip]
        hub.snapshot_download(
            repository,
            allow_patterns=[pattern] if pattern else None,
            ignore_patterns=sorted(skip),
            revision=facts.sha,
            **place,
        )
    except Exception as error:
        raise _hub_error(address, repository, error) from error
    missing = [name for name in names if not (folder / name).is_file()]
    if missing or not (names or skip):
        what = missing[0] if missing else f"no file fits '{pattern}'"
        raise FetchError(f"{address}: not complete ({what}); see the repository's page, try again")
    return [folder / name for name in sorted(names)]


def _parse(address: str) -> tuple[str, str]:
    """Return repository and file or pattern of a hub address."""
    parts = address.removeprefix("hf://").split("/", 3)
    if not address.startswith("hf://datasets/") or len(parts) < 3 or not all(parts[1:3]):
        raise UsageError(
            f"{address}: expected hf://datasets/OWNER/NAME or hf://datasets/OWNER/NAME/FILE"
        )
    return "/".join(parts[1:3]), parts[3] if len(parts) > 3 else ""


def _remote(item: dict[str, Any]) -> Remote:
    name = str(item["key"])
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise FetchError(f"{name}: this file name leads out of the folder; refused")
    return Remote(
        name=name,
        url=str(item["links"]["self"]),
        size_bytes=int(item.get("size", 0)),
        checksum=str(item.get("checksum", "")),
    )


def _hub_error(address: str, repository: str, error: Exception) -> Exception:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return FetchError(
            f"{address}: the repository is gated; accept its terms on the page of {repository}, "
            "make a token there and set HF_TOKEN"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return FetchError(
            f"{address}: no such dataset, or it is private; check the name, or set HF_TOKEN"
        )
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(
        error, errors.LocalEntryNotFoundError
    ):
        return FetchError(f"{address}: no such file in the repository; see its page")
    if isinstance(error, OSError | errors.HfHubHTTPError | ValueError | RuntimeError):
        said = " ".join(str(error).split())
        return FetchError(
            f"{address}: could not be downloaded ({said}); what came is kept: run the same "
            "command again to go on"
        )
    return error
