"""The push API as a client sees it, in memory: counts each donation once, and misbehaves as it is told."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable

import httpx

from pandapack.contracts.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, is_signed

Trouble = int | str | httpx.Response


class PushApi:
    """`trouble` comes first, one a request: a status, an answer, `lost` or `deaf`.

    A push is accepted before its answer is lost; who is deaf accepts none.
    """

    def __init__(self, trouble: Iterable[Trouble] = (), keys: Iterable[bytes] = ()) -> None:
        self.trouble, self.keys = deque(trouble), list(keys)
        self.answers: dict[str, tuple[bytes, httpx.Response]] = {}
        self.counted: list[bytes] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        match self.trouble.popleft() if self.trouble else "none":
            case int() as status:
                return httpx.Response(status, json={"code": "trouble", "detail": "as told"})
            case httpx.Response() as answer:
                return answer
            case "deaf":
                raise httpx.ConnectError("nobody listens", request=request)
            case "lost":
                self._accept(request)
                raise httpx.ReadError("cut", request=request)
            case _:
                return self._accept(request)

    def _accept(self, request: httpx.Request) -> httpx.Response:
        headers, body = request.headers, request.content
        if self.keys and not is_signed(
            self.keys, headers[ID_HEADER], headers[TIMESTAMP_HEADER], body, headers[SIGNATURE_HEADER]
        ):
            return httpx.Response(401, json={"code": "signature_wrong", "detail": "sign it"})
        known, answer = self.answers.get(headers["idempotency-key"], (body, None))
        if known != body:
            return httpx.Response(409, json={"code": "idempotency_key_reused", "detail": "another body"})
        if answer is None:
            answer = self._read(headers["idempotency-key"], body)
            self.answers[headers["idempotency-key"]] = (body, answer)
        return answer

    def _read(self, id: str, body: bytes) -> httpx.Response:
        failures = []
        for index, line in enumerate(body.split(b"\n")):
            try:
                json.loads(line)
                self.counted.append(line)
            except ValueError:
                message = {"en": "not JSON", "zh": "不是 JSON"}
                failures.append({"index": index, "pointer": "", "code": "not_json", "message": message})
        accepted = body.count(b"\n") + 1 - len(failures)
        content = {"push_id": f"psh_{id[:8]}", "accepted": accepted, "failures": failures}
        return httpx.Response(202 if accepted else 422, json=content)
