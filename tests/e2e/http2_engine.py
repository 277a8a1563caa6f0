"""`fanlight`, but for one door: who connects to the media port is taken to have agreed on HTTP/2.

So the whole engine can be talked to over HTTP/2 without a certificate; what TLS adds is not of interest here.
"""

import sys

from workers.cli import main
from workers.fanout import main as fanout
from workers.fanout.http2_connection import serve_http2
from workers.runtime.worker import HTTP

fanout.DOORS[HTTP] = serve_http2

if __name__ == "__main__":
    sys.exit(main())
