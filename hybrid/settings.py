"""The one reader of the environment: ``HYBRID_*`` and ``XDG_*_HOME`` in, a frozen ``Settings`` out.

A secret may stand in a file instead: ``HYBRID_OPENSEARCH_PASSWORD_FILE=/run/secrets/password``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import SettingsError

PREFIX = "HYBRID_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; secrets stay out of ``repr``."""

    #: Cluster that ``os:name`` addresses mean.
    opensearch_url: str | None = None
    #: Basic authentication.
    opensearch_username: str | None = None
    opensearch_password: str | None = field(default=None, repr=False)
    #: Sent as ``Authorization: Bearer …`` instead of basic authentication.
    opensearch_token: str | None = field(default=None, repr=False)
    #: PEM file with the authorities to trust, where the system's are not enough.
    opensearch_ca_file: str | None = None
    #: Switches certificate checks off; for a throw-away cluster only.
    opensearch_insecure: bool = False
    #: Sign requests for AWS (SigV4) in this region, as this service (``es`` or ``aoss``).
    opensearch_aws_region: str | None = None
    opensearch_aws_service: str = "es"
    #: Seconds to wait for one answer.
    opensearch_timeout: float = 30.0
    #: What may be lost: hashes of models.
    cache_folder: Path = Path.home() / ".cache" / "hybrid"
    #: Where a job keeps the list of rejected rows.
    state_folder: Path = Path.home() / ".local" / "state" / "hybrid"
    #: Broker of the workers.
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    #: Whether somebody named a broker, so that questions go to its workers.
    has_broker: bool = False
    #: PEM file with the authorities to trust for a broker at ``rediss://``.
    redis_ca_file: str | None = None
    #: Names or patterns of the indexes in which workers look for passages without a vector, with commas between.
    worker_indexes: str = "*"
    #: The reader that answers questions: a folder, the id of a model, or ``sentences``; by default the shipped one.
    reader: str | None = None
    #: Where workers tell Prometheus how they are; nowhere by default.
    metrics_port: int | None = None


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``HYBRID_*`` from ``environ`` (the process's own by default)."""
    source = os.environ if environ is None else environ
    defaults = Settings()
    return Settings(
        opensearch_url=_text(source, "OPENSEARCH_URL"),
        opensearch_username=_text(source, "OPENSEARCH_USERNAME"),
        opensearch_password=_secret(source, "OPENSEARCH_PASSWORD"),
        opensearch_token=_secret(source, "OPENSEARCH_TOKEN"),
        opensearch_ca_file=_text(source, "OPENSEARCH_CA_FILE"),
        opensearch_insecure=_switch(source, "OPENSEARCH_INSECURE"),
        opensearch_aws_region=_text(source, "OPENSEARCH_AWS_REGION"),
        opensearch_aws_service=_text(source, "OPENSEARCH_AWS_SERVICE") or defaults.opensearch_aws_service,
        opensearch_timeout=_seconds(source, "OPENSEARCH_TIMEOUT", defaults.opensearch_timeout),
        cache_folder=_folder(source, "XDG_CACHE_HOME", defaults.cache_folder),
        state_folder=_folder(source, "XDG_STATE_HOME", defaults.state_folder),
        redis_url=_secret(source, "REDIS_URL") or defaults.redis_url,
        has_broker=_secret(source, "REDIS_URL") is not None,
        redis_ca_file=_text(source, "REDIS_CA_FILE"),
        worker_indexes=_text(source, "WORKER_INDEXES") or defaults.worker_indexes,
        reader=_text(source, "READER"),
        metrics_port=_port(source, "METRICS_PORT"),
    )


def _folder(source: Mapping[str, str], name: str, default: Path) -> Path:
    home = source.get(name)
    return Path(home) / "hybrid" if home else default


def _text(source: Mapping[str, str], name: str) -> str | None:
    return source.get(PREFIX + name) or None


def _secret(source: Mapping[str, str], name: str) -> str | None:
    path = _text(source, f"{name}_FILE")
    if path is None:
        return _text(source, name)
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{PREFIX}{name}_FILE names {path}, which cannot be read: {error}") from error


def _switch(source: Mapping[str, str], name: str) -> bool:
    value = (_text(source, name) or "false").lower()
    if value in {"1", "true", "yes"}:
        return True
    if value in {"0", "false", "no"}:
        return False
    raise SettingsError(f"{PREFIX}{name} is {value!r}; say true or false.")


def _seconds(source: Mapping[str, str], name: str, default: float) -> float:
    text = _text(source, name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SettingsError(f"{PREFIX}{name} is {text!r}; say a number of seconds above 0.")
    return value


def _port(source: Mapping[str, str], name: str) -> int | None:
    text = _text(source, name)
    if text is None or (text.isdecimal() and 0 < int(text) < 1 << 16):
        return None if text is None else int(text)
    raise SettingsError(f"{PREFIX}{name} is {text!r}; say a port, 1 to 65535.")
