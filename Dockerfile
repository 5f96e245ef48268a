# docs/deploy/container.md says how to build and run it. The build is given no secret: URL and API_KEY belong to `run`.

FROM python:3.12-slim AS build

# compose.yaml asks for requirements-scale.txt, which this image is smaller without.
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-scale.txt /opt/
RUN python -m venv --without-pip /opt/env \
    && python -m pip --python /opt/env/bin/python install --no-cache-dir --no-compile -r "/opt/$REQUIREMENTS"

# Bytecode once, here: where it runs, nothing can be written. By content, not by time: no copy makes it out of date.
# The chmod is for a checkout whose files only their owner may read.
WORKDIR /app
COPY LICENSE app.py gunicorn.conf.py ./
COPY FlaskAppAML/ FlaskAppAML/
RUN python -m compileall -q --invalidation-mode checked-hash /opt/env/lib /app \
    && chmod -R a+rX,go-w /app


FROM python:3.12-slim

LABEL org.opencontainers.image.title="FlaskAppAML" \
      org.opencontainers.image.description="A web page in front of any hosted model, which keeps the key" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/python:3.12-slim"

COPY --from=build /opt/env /opt/env
COPY --from=build /app /app

WORKDIR /app
ENV PATH=/opt/env/bin:$PATH

# /data is for whoever it runs as, like /tmp: a tmpfs put there takes the mode over, but belongs to root. The import
# writes the bytecode of Python's own library, which the base image leaves out, and ends the build if a part is missing.
RUN install -d -m 1777 /data \
    && python -c "import gunicorn.app.wsgiapp, gunicorn.workers.gthread, http.client, app"

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORT=8000 \
    DATA_DIR=/data
VOLUME /data
# By number: Kubernetes' runAsNonRoot looks at numbers only.
USER 10001:10001
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os; \
c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); \
c.request('GET', '/health'); \
raise SystemExit(c.getresponse().status != 200)"]

CMD ["gunicorn", "FlaskAppAML:app"]
