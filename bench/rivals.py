"""Rivals. nginx with the RTMP module, from Debian's packages `nginx` and `libnginx-mod-rtmp`, tuned.

Tuned means the chunk size of 4096 that its users set; at its own default of 4096 in newer and 128 in older
builds the comparison would measure chunk headers. One worker process, because a stream published to
one nginx worker is not seen by the others without relaying it to each.
"""

import shutil
from pathlib import Path

from bench.dialogue import RTMP
from bench.servers import Server, accepts, free_port

MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")

CONFIG = """\
load_module {module};
user root;
worker_processes 1;
worker_rlimit_nofile {descriptors};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {connections}; }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        chunk_size 4096;
        application live {{ live on; }}
    }}
}}
"""


def nginx_missing() -> str:
    """Why nginx cannot be compared here; empty if it can."""
    if shutil.which("nginx") is None or not MODULE.exists():
        return "nginx with its RTMP module is not installed (scripts/bench-packages)"
    return ""


def nginx(*, label: str = "nginx-rtmp", connections: int = 10_000) -> Server:
    """nginx-rtmp with one worker."""
    port = free_port()
    server = Server(label, {RTMP: port})
    config = server.folder / "nginx.conf"
    config.write_text(
        CONFIG.format(
            module=MODULE,
            folder=server.folder,
            port=port,
            connections=connections,
            descriptors=2 * connections,
        )
    )
    command = ["nginx", "-p", str(server.folder), "-e", str(server.folder / "early.log"), "-c", str(config)]
    return server.start(command, accepts(port))
