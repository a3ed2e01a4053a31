"""An OpenSearch home made of Maven artifacts, verified against `node.lock`, built once per recipe."""

from .build import built_home, relock

__all__ = ["built_home", "relock"]
