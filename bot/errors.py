"""Errors of the core. `str(error)` is a sentence for a person; details go to the log.

ThreadlabError
├── SettingsError            the operator's settings contradict each other or lack something
├── PlatformError            a chat platform refused or failed
│   ├── AmbiguousSend        a post may or may not have arrived
│   └── Undeliverable        the chat will not take it, however often it is asked
├── AttachmentUnavailable    a file that a person sent can't be had
│   └── AttachmentInterrupted    not this time; another try may succeed
├── TooLarge                 a stream is longer than allowed
├── BlobMissing              no such blob in this thread
├── LeaseLost                another worker may do now what this one was doing
├── StillBusy                a thread's running answer has to end first
├── BadArguments             a command was given arguments that don't fit
└── EngineError              the engine refused or failed
    ├── ContainerGone        its container has expired or is unknown
    ├── ContextGone          the previous response is no longer there
    ├── UploadGone           it no longer has a file that we uploaded
    ├── RateLimited          429; `retry_after_seconds` says when again
    ├── OutOfMemory          the code needed more memory than the container has
    ├── Unexplained          the response failed, and the engine won't say why
    ├── QueueFull            too many questions wait for it already
    ├── EngineUnreachable    it can't be reached, or failed on its own side
    ├── EngineRefused        it won't take this request (key, model, a field)
    └── ResponseLost         a response can't be followed to its end; it may be asked again
"""

from __future__ import annotations

from typing import ClassVar


class ThreadlabError(Exception):
    """Base of all errors that Threadlab raises on purpose."""


class SettingsError(ThreadlabError):
    """The operator's settings contradict each other or lack something."""


class PlatformError(ThreadlabError):
    """A chat platform refused or failed. `passes`: that may pass by itself, as when it is away."""

    passes: ClassVar[bool] = True


class AmbiguousSend(PlatformError):
    """A post may or may not have arrived: look it up before sending it again."""


class Undeliverable(PlatformError):
    """The chat will not take it, however often it is asked; the text says why."""


class AttachmentUnavailable(ThreadlabError):
    """A file that a person sent can't be had; the text says why."""


class AttachmentInterrupted(AttachmentUnavailable):
    """It could not be had this time; another try may succeed."""


class TooLarge(ThreadlabError):
    """A stream is longer than allowed."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"It is larger than {limit_bytes // 1_000_000} MB.")
        self.limit_bytes = limit_bytes


class BlobMissing(ThreadlabError):
    """This thread has no such blob."""


class BadArguments(ThreadlabError):
    """A command was given arguments that don't fit; the text shows how it is used."""


class LeaseLost(ThreadlabError):
    """Another worker may do now what this one was doing."""


class StillBusy(ThreadlabError):
    """The thread's running answer has to end first."""


class EngineError(ThreadlabError):
    """The engine refused or failed."""


class ContainerGone(EngineError):
    """The container has expired or is unknown."""


class ContextGone(EngineError):
    """The previous response is no longer there."""


class UploadGone(EngineError):
    """The engine no longer has a file that we uploaded."""


class RateLimited(EngineError):
    """The engine asks to wait."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutOfMemory(EngineError):
    """The code needed more memory than the container has."""


class Unexplained(EngineError):
    """The response failed, and the engine won't say why. In a container that is still running,
    it was the memory [facts: openai]."""


class QueueFull(EngineError):
    """Too many questions wait for the engine already."""


class EngineUnreachable(EngineError):
    """The engine can't be reached, or failed on its own side."""


class EngineRefused(EngineError):
    """The engine won't take this request: the key, the model, or a field of it."""


class ResponseLost(EngineError):
    """A response can't be followed to its end; the question may be asked again."""
