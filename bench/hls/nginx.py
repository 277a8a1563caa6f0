"""nginx with finished files, as a server of HLS that a packager writes for: from Debian, tuned for this.

Tuned means: one worker per core, as Fanlight has; sendfile; connections that are kept for ever; no log; open
files remembered.
"""

import shutil
from pathlib import Path

from bench.certificate import Pair
from bench.dialogue import HTTP_FLV
from bench.servers import HOST, Server, accepts, free_port

CONFIG = """\
user root;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=300s;
    open_file_cache_valid 300s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }}
    server {{ listen {host}:{port} reuseport backlog=4096{tls}; root {site}; }}
}}
"""

TLS = " ssl http2; ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key}"


def nginx_missing() -> str:
    """Why nginx cannot be compared here; empty if it can."""
    return "" if shutil.which("nginx") else "nginx is not installed (scripts/bench-packages)"


def nginx_files(
    site: Path, *, workers: int = 2, connections: int = 20_000, pair: Pair | None = None
) -> Server:
    """nginx that serves what is in `site`; with a certificate over TLS, and HTTP/2 to who wants it."""
    port = free_port()
    server = Server("nginx", {HTTP_FLV: port})
    config = server.folder / "nginx.conf"
    config.write_text(
        CONFIG.format(
            folder=server.folder,
            host=HOST,
            port=port,
            tls=TLS.format(pair=pair) if pair else "",
            site=site,
            workers=workers,
            connections=connections,
            descriptors=2 * connections,
        )
    )
    command = ["nginx", "-p", str(server.folder), "-e", str(server.folder / "early.log"), "-c", str(config)]
    return server.start(command, accepts(port))
