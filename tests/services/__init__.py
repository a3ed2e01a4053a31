"""Real OpenSearch and Redis for the tests: found, contained or built here, and taken away again."""

from .discover import Service, opensearch_cluster, opensearch_service, redis_service
from .errors import ServiceBroken, ServiceError, ServiceUnavailable

__all__ = [
    "Service",
    "ServiceBroken",
    "ServiceError",
    "ServiceUnavailable",
    "opensearch_cluster",
    "opensearch_service",
    "redis_service",
]
