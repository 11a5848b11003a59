# SPDX-License-Identifier: MIT
"""The routes that take sound: scan, explain and jobs. They hold no logic of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from unsung.api.errors import BadUpload, JobRunning, NotExplained, TooManyFiles
from unsung.api.jobs import Job, JobInfo
from unsung.api.problems import JsonResponse, dumps, problem
from unsung.api.schemas import UPLOADING, Explained, Scanned, answers, uploads_body
from unsung.api.service import Options, Service, unless_gone
from unsung.api.uploads import Upload, read_body, receive
from unsung.scanning.output import json_line
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR
from unsung.text import parse_json
from unsung.types import Score

__all__ = ["router"]

Rate = Annotated[
    float,
    Query(
        ge=1e-6,
        le=0.5,
        allow_inf_nan=False,
        description="Share of human recordings that may be called AI.",
    ),
]
Prior = Annotated[
    float,
    Query(
        gt=0,
        lt=1,
        allow_inf_nan=False,
        description="Assumed share of AI tracks, for the probability only.",
    ),
]
Fast = Annotated[bool, Query(description="Hear three windows of ten seconds, not everything.")]
Form = Annotated[
    Literal["json", "html", "png"],
    Query(description="Numbers, a self-contained page, or the spectrogram."),
]
LastEvent = Annotated[str, Header(description="Number of the last event that was seen.")]
_NDJSON = "application/x-ndjson"
_PAGE_POLICY = "sandbox allow-scripts; frame-ancestors 'none'"
"""The page brings its own policy (no requests at all); it must not act as one of this server."""


def options(
    false_alarm_rate: Rate = FALSE_ALARM_RATE, prior: Prior = PRIOR, fast: Fast = False
) -> Options:
    """Gather what a client may choose."""
    return Options(false_alarm_rate, prior, fast)


def service(request: Request) -> Service:
    """Return the server's parts."""
    found: Service = request.app.state.service
    return found


def owner(request: Request) -> str:
    """Return the name behind the API key; refuses before anything is read."""
    name = service(request).keys.owner(request.headers)
    request.state.exchange.owner = name
    return name


Chosen = Annotated[Options, Depends(options)]
Owner = Annotated[str, Depends(owner)]
router = APIRouter(prefix="/v1", dependencies=[Depends(owner)])


@router.post(
    "/scan",
    tags=["scan"],
    summary="Judge uploads: AI, human or undecided",
    responses=answers(Scanned, 200, *UPLOADING),
    openapi_extra=uploads_body("One or more files"),
)
async def scan(request: Request, chosen: Chosen) -> Response:
    """Score the uploads one after the other.

    Several files always give 200: what is wrong with one stands in its row's `error`. A single file
    without a verdict gives its error's status, with the row as the member `score`. With
    `Accept: application/x-ndjson` the answer is that of `unsung scan --json`, a line a file.
    """
    here = service(request)
    with here.slot():
        async with _uploads(request, here) as (_, uploads):
            scores = await unless_gone(request, lambda: _all(here, uploads, chosen))
    if _NDJSON in request.headers.get("accept", ""):
        text = "".join(json_line(score) for score in scores)
        return Response(text.encode("utf-8"), media_type=_NDJSON)
    refused = _refused(scores[0]) if len(scores) == 1 else None
    return refused or JsonResponse({"scores": [score.to_dict() for score in scores]})


@router.post(
    "/explain",
    tags=["explain"],
    summary="Score one upload and say why",
    responses=answers(Explained, 200, *UPLOADING, 501),
    openapi_extra=uploads_body("One file"),
)
async def explain(request: Request, chosen: Chosen, format: Form = "json") -> Response:
    """Return the share of every frequency in the logit, a page, or the spectrogram.

    The shares are the exact addends of the detector's linear part, no estimate. `gap` is what they
    miss: logit − baseline − Σ relevance. It is zero for a linear detector; where shifted lines are
    searched for too, it is their part. A network that judges windows leaves no such shares: JSON
    then has `explanation` null, and pages and pictures are refused (501).
    """
    here = service(request)
    if here.bundle.windowed and format != "json":
        raise NotExplained(
            f"expected format=json, got {format}: the detector of this server, {here.bundle.name}, "
            "judges windows by a network and leaves no exact shares to draw; "
            "`unsung explain SONG --with occlusion` explains it"
        )
    with here.slot():
        async with _uploads(request, here) as (_, uploads):
            if len(uploads) != 1:
                raise TooManyFiles(f"expected one file to explain, got {len(uploads)}")
            found = await unless_gone(request, lambda: here.score(uploads[0], chosen, format))
    refused = _refused(found.score)
    if refused is not None:
        return refused
    if format == "json":
        why = found.explanation
        return JsonResponse(
            {
                "score": found.score.to_dict(),
                "explanation": why.to_dict() if why is not None else None,
                "gap": why.gap if why is not None else None,
            }
        )
    if not found.page:
        return problem("TooShort", found.score.reason, score=found.score.to_dict())
    if format == "png":
        return Response(found.page, media_type="image/png")
    headers = {"Content-Security-Policy": _PAGE_POLICY}
    return Response(found.page, media_type="text/html", headers=headers)


@router.post(
    "/jobs",
    tags=["jobs"],
    status_code=202,
    summary="Begin long work",
    responses=answers(JobInfo, 202, *UPLOADING),
    openapi_extra=uploads_body("Files"),
)
async def create_job(request: Request, chosen: Chosen, key: Owner) -> Response:
    """Store the uploads and answer at once; `Location` is the job's address."""
    here = service(request)
    here.jobs.check_room()

    async def one(upload: Upload) -> Score:
        return (await here.score(upload, chosen)).score

    with here.slot():
        async with _uploads(request, here, kept=True) as (folder, uploads):
            job = here.jobs.start(folder, uploads, key, one)
    headers = {"Location": f"/v1/jobs/{job.id}"}
    return JsonResponse(job.info.to_dict(), 202, headers)


@router.get(
    "/jobs/{job_id}",
    tags=["jobs"],
    summary="How far a job is",
    responses=answers(JobInfo, 200, 401, 404, 422),
)
async def job_info(request: Request, job_id: str, key: Owner) -> Response:
    """Return counts and status: running, done, cancelled or failed."""
    return JsonResponse(service(request).jobs.get(job_id, key).info.to_dict())


@router.get(
    "/jobs/{job_id}/result",
    tags=["jobs"],
    summary="The scores of a finished job",
    responses=answers(Scanned, 200, 401, 404, 409, 422),
)
async def job_result(request: Request, job_id: str, key: Owner) -> Response:
    """Return all scores; of a cancelled job, those that were finished."""
    job = service(request).jobs.get(job_id, key)
    if job.status == "running":
        raise JobRunning(
            f"expected a finished job, {len(job.scores)} of {len(job.uploads)} files are done; "
            "wait for the event 'end'"
        )
    return JsonResponse({"scores": [score.to_dict() for score in job.scores]})


@router.get(
    "/jobs/{job_id}/events",
    tags=["jobs"],
    summary="A job's progress as server-sent events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An event `score` for each file, then `end`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def job_events(
    request: Request, job_id: str, key: Owner, last_event_id: LastEvent = ""
) -> Response:
    """Send what was finished before, too; a browser that reconnects misses nothing."""
    job = service(request).jobs.get(job_id, key)
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    return StreamingResponse(
        _event_stream(job, after),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


@router.delete(
    "/jobs/{job_id}",
    tags=["jobs"],
    summary="Cancel a job, or drop its result",
    responses=answers(JobInfo, 200, 401, 404, 422) | {204: {"description": "It was dropped."}},
)
async def delete_job(request: Request, job_id: str, key: Owner) -> Response:
    """Cancel a running job (200, its scores stay); drop a finished one (204)."""
    jobs = service(request).jobs
    job = jobs.get(job_id, key)
    if job.status != "running":
        jobs.forget(job)
        return Response(status_code=204)
    await jobs.cancel(job)
    return JsonResponse(job.info.to_dict())


@asynccontextmanager
async def _uploads(
    request: Request, here: Service, *, kept: bool = False
) -> AsyncIterator[tuple[Path, list[Upload]]]:
    """Lend the request's files; they are gone afterwards unless ``kept`` and all went well."""
    folder = here.spool.new_folder()
    done = False
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
            url = _url(await read_body(request, here.limits))
            uploads = [await unless_gone(request, lambda: here.fetch(url, folder))]
        else:
            uploads = await receive(request, folder, here.limits)
        request.state.exchange.files = [upload.name for upload in uploads]
        yield folder, uploads
        done = True
    finally:
        if not (kept and done):
            here.spool.remove(folder)


async def _all(here: Service, uploads: list[Upload], chosen: Options) -> list[Score]:
    return [(await here.score(upload, chosen)).score for upload in uploads]


def _url(body: bytes) -> str:
    try:
        given = parse_json(body)
    except ValueError as error:
        raise BadUpload('expected JSON such as {"url": "https://example.org/a.mp3"}') from error
    if not isinstance(given, dict) or set(given) != {"url"} or not isinstance(given["url"], str):
        raise BadUpload('expected JSON with the one member "url", a string')
    url: str = given["url"]
    if len(url) > 2000:
        raise BadUpload("expected an address of at most 2000 characters")
    return url


def _refused(score: Score) -> Response | None:
    """Return the error's answer for a row that has no verdict."""
    if score.error is None or score.state != "failed":
        return None
    return problem(score.error.type, score.error.message, score=score.to_dict())


async def _event_stream(job: Job, after: int) -> AsyncIterator[bytes]:
    async for item in job.events(after):
        if item:
            head = f"id: {item['id']}\nevent: {item['event']}\ndata: "
            yield head.encode("ascii") + dumps(item["data"]) + b"\n\n"
        else:
            yield b": still here\n\n"
