# SPDX-License-Identifier: MIT
"""The routes about the server itself: bundle, health, readiness, metrics and documentation."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from unsung import __version__
from unsung.api.docs import POLICY, render_docs
from unsung.api.errors import NotReady
from unsung.api.metrics import CONTENT_TYPE
from unsung.api.problems import JsonResponse
from unsung.api.routes import owner, service

__all__ = ["router"]

RATES = (0.05, 0.01, 0.001)
_CALIBRATION = ("name", "kind", "prior", "miss_rate", "n_human", "n_ai", "n_groups")
router = APIRouter()


@router.get("/v1/bundle", tags=["server"], summary="The detector", dependencies=[Depends(owner)])
async def bundle(request: Request) -> Response:
    """Return name, hash, card, calibration and thresholds, and this server's limits."""
    here = service(request)
    found = here.bundle
    info: dict[str, Any] = {
        "name": found.name,
        "sha256": found.sha256,
        "unsung": __version__,
        "sample_rate_hz": found.sample_rate_hz,
        "window_s": found.window_s,
        "outputs": found.info.get("outputs", []),
        "calibration": {k: found.calibration[k] for k in _CALIBRATION if k in found.calibration},
        "thresholds": [found.thresholds(rate).to_dict() for rate in RATES],
        "card": found.card,
        "limits": {
            "upload_mb": here.limits.upload_mb,
            "files": here.limits.files,
            "duration_s": here.limits.duration_s,
            "urls": here.settings.allow_urls,
        },
    }
    return JsonResponse(info)


@router.get("/healthz", tags=["server"], summary="Whether the server lives")
async def health() -> Response:
    """Answer 200 as long as the process can answer at all."""
    return JsonResponse({"status": "alive"})


@router.get(
    "/readyz",
    tags=["server"],
    summary="Whether it takes work",
    responses={503: {"description": "It starts, stops, or no worker process lives."}},
)
async def ready(request: Request) -> Response:
    """Answer 200 when a scan sent now would be scored."""
    here = service(request)
    if not here.ready:
        raise NotReady("the server starts, stops or replaces its workers; ask again")
    return JsonResponse({"status": "ready", "workers": here.crew.alive})


@router.get(
    "/metrics",
    tags=["server"],
    summary="Figures for Prometheus",
    dependencies=[Depends(owner)],
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Return counts of requests, scores, workers and jobs."""
    return Response(service(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Return the documentation as one page without scripts or outside addresses."""
    page = render_docs(request.app.openapi())
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "max-age=300"}
    return Response(page, media_type="text/html", headers=headers)


@router.get("/", include_in_schema=False)
async def front() -> Response:
    """Lead to the documentation."""
    return RedirectResponse("/docs")
