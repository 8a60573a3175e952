# One image; its commands are manage.py's:
#   migrate --noinput
#   run_stack --exec web      the default
#   run_stack --exec worker --queues fetch       (callbacks)
#   run_stack --exec packer   (dialer, follower, beat)
# It needs no root, no capability and no writable root: only /tmp, /data (files in work) and, where
# recordings are kept as files, /blobs are written to.
#
# BASE_IMAGE is a Debian with Python 3.11 as `python`.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS packages
COPY requirements.txt .
# pip stays behind: it installs into an environment that has none. A package index of your own comes as
#   docker build --secret id=pip,src=pip.conf .
# and is in no layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv /pip && python -m venv --without-pip /venv \
    && /pip/bin/pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r requirements.txt

FROM ${BASE_IMAGE} AS product
ENV PATH=/venv/bin:$PATH \
    STATIC_ROOT=/app/static
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
# Compiled here, as nobody can there. The values are for this one command; nothing of them stays.
RUN python -m compileall -q --invalidation-mode unchecked-hash . \
    && ZIPINGEST_ENV=development ZIPINGEST_DATA_DIR=/tmp/build \
        SECRET_KEY=build API_KEY_PEPPER=build ENCRYPTION_KEY=build \
        python manage.py collectstatic --noinput --verbosity 0

FROM ${BASE_IMAGE}
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ZIPINGEST_ENV=production \
    ZIPINGEST_DATA_DIR=/data \
    STATIC_ROOT=/app/static \
    STORAGE_URL=file:///blobs \
    BIND=0.0.0.0 \
    PORT=8000
RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin zipingest \
    && install --directory --owner=zipingest --group=zipingest /data /blobs
WORKDIR /app
COPY --from=packages /venv /venv
COPY --from=product /app /app
USER 10001:10001

EXPOSE 8000
# Asks under a name that ALLOWED_HOSTS accepts; for `.example.com` the bare domain.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import http.client, os, sys; \
host = os.environ.get('ALLOWED_HOSTS', '').split(',')[0].strip().lstrip('.*') or 'localhost'; \
connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); \
connection.request('GET', '/healthz', headers={'Host': host}); \
sys.exit(connection.getresponse().status != 200)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["run_stack", "--exec", "web"]
