"""`/healthz`, `/readyz`, `/metrics`, `/asyncapi.json`, `/v1/instances`: what a service says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import prometheus_client
from fastapi import APIRouter, Depends, Response

from pandapack.runtime.auth import Role, needs
from pandapack.runtime.instances import Instances

Json = dict[str, Any]


def health_router(
    instances: Instances,
    *,
    readiness: Callable[[], Awaitable[Json]],
    asyncapi: Callable[[], Json],
) -> APIRouter:
    """What machines ask: whether it lives, whether it can work, how it fares, what it consumes; and its processes."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive", "service": instances.service, "version": instances.version}

    @router.get("/readyz")
    async def readyz(response: Response) -> Json:
        """Able to work: the store and Kafka answer, Kafka is polled, something goes on. 503 where nothing can work.

        A partition that is stopped in any process of the service, or stalled, is listed; the others go on.
        """
        report = await readiness()
        response.status_code = 200 if report["ready"] else 503
        return report

    @router.get("/v1/instances", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_instances() -> Json:
        """The service's processes. One that is held, or was killed, is shown as it was seen last, for ten minutes."""
        return {"items": instances.all}

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    @router.get("/asyncapi.json", include_in_schema=False)
    async def get_asyncapi() -> Json:
        return asyncapi()

    return router
