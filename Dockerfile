# Fanlight in a container: no root, no capability, nothing writable but /dev/shm, the hooks' spool and /tmp.
#
#   docker build --tag fanlight .
#   docker compose up            # with Prometheus, Alertmanager and Grafana: compose.yaml
#
# It needs --shm-size of more than hls.folder_bytes (1 GiB as installed, Docker's own is 64 MiB), with --read-only
# --tmpfs /tmp, and for many players --ulimit nofile=65536:65536. docs/operations.md has the rest.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /source
# The lock first: what is in it is fetched and built again only when it changes.
COPY requirements.lock ./
RUN python -m venv /opt/fanlight \
    && /opt/fanlight/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY shm shm
COPY workers workers
# Setuptools comes from the lock, so nothing unpinned is fetched.
RUN /opt/fanlight/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps --no-build-isolation .

# The same image, so that the environment's Python is where it was.
FROM python:3.11.14-slim-bookworm
COPY configs/fanlight.toml /etc/fanlight/fanlight.toml
# A number that belongs to nobody on the host, and that Kubernetes can see is not root's. It has to be able to read the
# file, whatever the umask of whoever checked it out; --chmod of COPY is not in every builder.
RUN groupadd --gid 10001 fanlight \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir / --shell /usr/sbin/nologin fanlight \
    && install --directory --mode 0700 --owner 10001 --group 10001 /var/lib/fanlight \
    && install --directory --mode 0750 --owner 10001 --group 10001 /var/log/fanlight \
    && chmod 644 /etc/fanlight/fanlight.toml
COPY --from=build /opt/fanlight /opt/fanlight
ENV PATH=/opt/fanlight/bin:$PATH \
    STATE_DIRECTORY=/var/lib/fanlight
USER 10001:10001
# RTMP, RTMP over TLS, media over HTTP and HTTPS, SRT. The API (1985) and the metrics (9972) stay on loopback.
EXPOSE 1935 1936 8080 8443 10080/udp
# Whether it lives, not whether it is ready: an orchestrator that ends what is unhealthy must not end live streams
# because one role is being replaced.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=6 \
    CMD ["/opt/fanlight/bin/python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9972/healthz', timeout=4)"]
# Connections may go on for workers.drain_s after SIGTERM, so stop it with a time-out of more than that.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/fanlight/bin/fanlight"]
CMD ["serve", "--config", "/etc/fanlight/fanlight.toml"]
