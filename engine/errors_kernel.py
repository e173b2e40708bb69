"""Errors of the kernels. `str(error)` is a sentence for a person.

KernelError
├── SandboxUnavailable   code can't be confined on this machine; the text says why and what helps
├── KernelStartFailed    a kernel did not come up
└── EngineBusy           as many kernels are busy as are allowed
"""

from __future__ import annotations


class KernelError(Exception):
    """Base of the kernels' errors."""


class SandboxUnavailable(KernelError):
    """Code can't be confined on this machine."""


class KernelStartFailed(KernelError):
    """A kernel did not come up."""


class EngineBusy(KernelError):
    """As many kernels are busy as are allowed: try again when one has come to rest."""
