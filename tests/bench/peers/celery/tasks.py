"""The tasks that Celery's worker runs: they do nothing."""

import os

from celery import Celery

WHERE = os.environ["PEER_REDIS"]
app = Celery("tasks", broker=f"redis://{WHERE}/0", backend=f"redis://{WHERE}/1")
app.conf.update(worker_prefetch_multiplier=100, broker_connection_retry_on_startup=True)


@app.task
def nothing(*_):
    return 1


@app.task
def count(results):
    return len(results)
