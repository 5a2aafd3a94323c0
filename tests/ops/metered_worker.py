"""`python -m tests.ops.metered_worker`: `shipclock worker`, its metrics on SHIPCLOCK_WEB_PORT of this machine."""

import os

from prometheus_client import start_http_server

from streams import cli

if __name__ == "__main__":
    start_http_server(int(os.environ["SHIPCLOCK_WEB_PORT"]), "127.0.0.1")
    cli.main(["worker"])
