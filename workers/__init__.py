"""Doing: Celery workers that consume messages. Imports ``hybrid``, never ``ingest``."""
