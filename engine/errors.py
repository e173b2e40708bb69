"""Errors of the engine; each knows the answer a client gets, in OpenAI's shape.

ApiError                   any status: `{"error": {"message", "type", "param", "code"}}`
├── InvalidRequest         400
│   └── ContainerExpired   `Container is expired.`
├── Unauthorized           401
├── NotFound               404
├── TooLarge               413
└── RateLimited            429, with `Retry-After`
"""

from __future__ import annotations


class ApiError(Exception):
    """An error that becomes an HTTP answer (shape: schema `ErrorResponse` of the OpenAPI document).

    Arguments:
        message: a sentence for the caller.
        param: the path of the parameter at fault, like `tools[0].container`.
        code: the machine-readable name that OpenAI uses for it.
    """

    status = 500
    type = "server_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with the answer."""
        return {}

    def body(self) -> dict[str, object]:
        """The JSON body."""
        detail = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return {"error": detail}


class InvalidRequest(ApiError):
    """The request can't be served as it is."""

    status = 400
    type = "invalid_request_error"


class ContainerExpired(InvalidRequest):
    """The container was idle for too long; its files and variables are gone."""

    def __init__(self) -> None:
        super().__init__("Container is expired.")


class Unauthorized(ApiError):
    """No key, or a wrong one."""

    status = 401
    type = "invalid_request_error"


class NotFound(ApiError):
    """There is no such object."""

    status = 404
    type = "invalid_request_error"


class TooLarge(ApiError):
    """A body or a file is longer than the engine's limit."""

    status = 413
    type = "invalid_request_error"

    def __init__(self, what: str, limit_bytes: int, *, param: str | None = None) -> None:
        text = f"{what} is too large: the limit is {limit_bytes:,} bytes."
        super().__init__(text, param=param, code="request_too_large")


class RateLimited(ApiError):
    """The engine is busy; `Retry-After` says in how many seconds to come again."""

    status = 429
    type = "requests"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message, code="rate_limit_exceeded")
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, in seconds."""
        return {"Retry-After": str(self.retry_after_seconds)}


def container_not_found(container_id: str) -> NotFound:
    """No container of that id."""
    return NotFound(f"Container with id '{container_id}' not found.")


def file_not_found(file_id: str, param: str = "id") -> NotFound:
    """No uploaded file of that id."""
    return NotFound(f"No such File object: {file_id}", param=param)


def response_not_found(response_id: str) -> NotFound:
    """No stored response of that id."""
    return NotFound(f"Response with id '{response_id}' not found.")
