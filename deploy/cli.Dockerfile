# The command line alone, for who operates an installation without Python on their machine:
#
#   docker compose run --rm cli status
#
# It reaches the services by HTTP, at the addresses that compose gives it. What plays a programme or measures a machine
# is not in it: `panda demo`, `chaos`, `bench` and `up` start things themselves, where the repository is.

# An image by its digest: --build-arg PYTHON=3.11-slim-bookworm@sha256:…
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/panda
COPY requirements.lock /tmp/requirements.lock
RUN /opt/panda/bin/pip install --require-hashes --only-binary=:all: -r /tmp/requirements.lock

FROM python:${PYTHON}
ENV PATH=/opt/panda/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/tmp/compiled
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin panda
WORKDIR /work
COPY --from=packages /opt/panda /opt/panda
COPY pandapack/ /app/pandapack/
RUN python -m compileall -q /app/pandapack && chmod -R a+rX /app
USER 10001:10001
ENTRYPOINT ["python", "-m", "pandapack.cli.main"]
CMD ["--help"]
