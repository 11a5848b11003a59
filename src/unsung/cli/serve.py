# SPDX-License-Identifier: MIT
"""`unsung serve`: the REST server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from unsung.cli import _options as o

__all__ = ["serve"]

Host = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 is every one.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Decoder processes; by default one a core.")
]
Queue = Annotated[int, typer.Option(min=0, help="Requests that may wait; one more gets 429.")]
MaxMb = Annotated[float, typer.Option(help="Largest body of a request, in MB.")]
MaxMinutes = Annotated[float, typer.Option(help="Longest sound after decoding.")]
MaxFiles = Annotated[int, typer.Option(min=1, help="Most files in a request or job.")]
DecodeSeconds = Annotated[float, typer.Option(help="Longest time for one file; then it is killed.")]
MemoryMb = Annotated[int, typer.Option(help="Address space of a worker, in MiB.")]
JobMinutes = Annotated[float, typer.Option(help="How long a job's result is kept.")]
Grace = Annotated[float, typer.Option(help="Seconds that a shutdown waits for running scans.")]
KeysFile = Annotated[
    Path | None, typer.Option(help="Lines name:sha256 of API keys; UNSUNG_API_KEYS adds to them.")
]
NewKey = Annotated[str, typer.Option(help="Make an API key for this name, print it, and end.")]
AllowUrls = Annotated[bool, typer.Option("--allow-urls", help="Let clients name an address.")]
Origins = Annotated[
    list[str] | None, typer.Option("--allow-origin", help="Browsers' origin that may ask; repeat.")
]
Hosts = Annotated[
    list[str] | None, typer.Option("--host-name", help="Accepted Host header; repeat.")
]
LogNames = Annotated[bool, typer.Option("--log-names", help="Write file names into the log.")]
Spool = Annotated[Path | None, typer.Option(help="Folder for the private temporary folder.")]


def serve(
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    detector: o.Detector = "default",
    workers: Workers = None,
    queue: Queue = 32,
    max_mb: MaxMb = 200.0,
    max_minutes: MaxMinutes = 60.0,
    max_files: MaxFiles = 50,
    decode_seconds: DecodeSeconds = 60.0,
    memory_mb: MemoryMb = 2048,
    job_minutes: JobMinutes = 60.0,
    grace: Grace = 30.0,
    keys_file: KeysFile = None,
    new_key: NewKey = "",
    allow_urls: AllowUrls = False,
    origins: Origins = None,
    hosts: Hosts = None,
    log_names: LogNames = False,
    spool: Spool = None,
) -> None:
    """Serve scans over HTTP: uploads in, scores out; see /docs of the server."""
    from unsung import api

    if new_key:
        key, line = api.new_key(new_key)
        typer.echo(f"key, shown only now: {key}\nline for --keys-file: {line}")
        return
    limits = api.Limits(
        queue=queue,
        upload_mb=max_mb,
        files=max_files,
        duration_s=60 * max_minutes,
        decode_s=decode_seconds,
        worker_memory_mb=memory_mb,
        job_ttl_s=60 * job_minutes,
        grace_s=grace,
    )
    settings = api.ServerSettings(
        bundle=detector,
        limits=limits if workers is None else replace(limits, workers=workers),
        key_lines=tuple(api.read_key_lines(keys_file)),
        allow_urls=allow_urls,
        origins=tuple(origins or ()),
        hosts=tuple(hosts or ()),
        log_names=log_names,
        spool=None if spool is None else str(spool),
    )
    if not api.serve(settings, host, port):
        raise typer.Exit(1)
