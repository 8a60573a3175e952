# One image; its commands are manage.py's:
#   run_stack --exec web      the default
#   run_stack --exec worker
#   run_stack --exec beat
#   migrate --noinput
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS packages
COPY requirements.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM ${BASE_IMAGE}
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ZIPINGEST_DATA_DIR=/app/var \
    STORAGE_URL=file:///blobs \
    BIND=0.0.0.0 \
    PORT=8000
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin zipingest \
    && install --directory --owner=zipingest /app/var /blobs
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
USER zipingest
# Values for this one command; nothing of them stays in the image.
RUN ZIPINGEST_ENV=development SECRET_KEY=build API_KEY_PEPPER=build ENCRYPTION_KEY=build \
    python manage.py collectstatic --noinput --verbosity 0
ENV ZIPINGEST_ENV=production

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
