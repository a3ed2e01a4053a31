"""Every error that hybrid raises on purpose: one line that says what happened and what to do next.

HybridError                   exit 1
├── UsageError                exit 2: the call itself is wrong
│   ├── AddressError          not an address of an index
│   ├── FilterError           a filter that cannot be read
│   └── VectorError           wrong dimension, NaN, or no vector where one is needed
├── SettingsError             exit 2: an environment variable cannot be read
├── IndexStateError           the index is not what the call needs
│   ├── IndexMissingError     no such index
│   ├── IndexExistsError      the name is taken
│   ├── ProfileError          no profile, an unreadable one, or several behind one alias
│   ├── EncoderMismatchError  vectors of another encoder
│   └── SimilarityError       the index does not score with BM25
├── ModelError                a model, or the library that runs it, is missing or cannot be used
├── LockHeldError             somebody else is changing the index
├── GatewayError              the gateway does not let a request pass
├── BrokerError               the workers' Redis cannot be used
├── DeadlineError             no worker answered in time
├── StorageError              a local index cannot be read or written: no room, no permission, damaged
└── ClusterError              the cluster did not do what was asked
    ├── UnreachableError      no answer
    ├── AccessError           401 or 403
    ├── BusyError             still overloaded or read-only after every retry
    ├── PartialResultError    a shard failed or ran out of time
    └── RefusedError          any other refusal, in the cluster's own words
"""


class HybridError(Exception):
    """Root of the tree; ``str(error)`` is the line a person reads."""

    exit_code = 1


class UsageError(HybridError):
    """The call itself is wrong; repeating it cannot help."""

    exit_code = 2


class AddressError(UsageError):
    """Not an address of an index."""


class FilterError(UsageError):
    """A filter that cannot be read."""


class VectorError(UsageError):
    """A vector of the wrong dimension, with NaN, or none where one is needed."""


class SettingsError(HybridError):
    """An environment variable cannot be read."""

    exit_code = 2


class IndexStateError(HybridError):
    """The index is not what the call needs."""


class IndexMissingError(IndexStateError):
    """No index of that name."""


class IndexExistsError(IndexStateError):
    """The name is taken already."""


class ProfileError(IndexStateError):
    """No profile, an unreadable one, or several behind one alias."""


class EncoderMismatchError(IndexStateError):
    """Vectors of another encoder than the index holds."""


class SimilarityError(IndexStateError):
    """The index does not score with BM25."""


class ModelError(HybridError):
    """A model, or the library that runs it, is missing or cannot be used."""


class LockHeldError(HybridError):
    """Somebody else is changing the index."""


class GatewayError(HybridError):
    """The gateway does not let a request pass; status and kind are what OpenSearch would answer."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "illegal_argument_exception"):
        super().__init__(message)
        self.status = status
        self.kind = kind


class BrokerError(HybridError):
    """The workers' Redis cannot be used."""


class DeadlineError(HybridError):
    """No worker answered in time."""


class StorageError(HybridError):
    """A local index cannot be read or written: no room, no permission, damaged."""


class ClusterError(HybridError):
    """The cluster did not do what was asked."""


class UnreachableError(ClusterError):
    """The cluster gave no answer."""


class AccessError(ClusterError):
    """The cluster refused the credentials (401) or what they may do (403)."""


class BusyError(ClusterError):
    """The cluster was still overloaded or read-only after every retry."""


class PartialResultError(ClusterError):
    """A shard failed or ran out of time, so hits would be missing."""


class RefusedError(ClusterError):
    """Any other refusal, in the cluster's own words."""

    def __init__(self, message: str, *, status: int, kind: str, reason: str):
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.reason = reason
