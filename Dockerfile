# L'image de la hotline : une étape construit, l'autre exécute, sans droits et sans rien écrire hors de var/.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /src
COPY requirements.lock ./
RUN python3 -m venv /opt/hotline \
 && /opt/hotline/bin/pip install --no-compile --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY channels channels
COPY knowledge knowledge
COPY escalation escalation
COPY scheduler scheduler
RUN /opt/hotline/bin/pip install --no-deps --no-build-isolation . \
 && /opt/hotline/bin/pip uninstall --yes pip \
 && python3 -m compileall -q /opt/hotline/lib

FROM python:3.12-slim
RUN groupadd --gid 10001 hotline \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /srv/hotline --shell /usr/sbin/nologin hotline \
 && install -d -m 0755 /srv/hotline \
 && install -d -o 10001 -g 10001 -m 0700 /srv/hotline/var /srv/hotline/var/data /srv/hotline/var/keys
COPY --from=build /opt/hotline /opt/hotline
ENV PATH=/opt/hotline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOTLINE_BIND=0.0.0.0:8000
WORKDIR /srv/hotline
USER 10001:10001
VOLUME ["/srv/hotline/var"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["hotline"]
CMD ["run"]
