"""The program that ``test_kill9`` kills: the real inbox behind the real receivers.

Arguments: the path of the inbox. Prints one JSON line with the ports once it listens, then runs
until it is killed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from causewatch.inbox.batch import InboxLimits
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.receive.handler import Handler
from causewatch.receive.limits import Listen, ReceiveLimits
from causewatch.receive.serve import Receivers
from causewatch.telemetry.metrics import Metrics


def main(path: Path) -> None:
    """Serve for ever."""
    metrics = Metrics()
    inbox = SqliteInbox(path, limits=InboxLimits(), now_ns=time.monotonic_ns, metrics=metrics)
    handler = Handler(inbox, limits=ReceiveLimits(), metrics=metrics)
    anywhere = Listen(address="127.0.0.1:0")
    receivers = Receivers(handler, grpc=anywhere, http=anywhere)
    ports = {"grpc": receivers.grpc_port, "http": receivers.http_port}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
