"""How many requests a second TensorFlow Serving answers, and how long each takes.

    python load.py dcgan_shapes                                  four clients, ten seconds, REST
    python load.py dcgan_shapes --grpc localhost:8500            over gRPC
    python load.py pix2pix_pairs --image sketch.png --clients 16 --seconds 60

Each client sends its next request when it has the answer to the one before. The first requests of
a client warm up and do not count.
"""

import argparse
import math
import pathlib
import sys
import threading
import time

import rest_client
from rest_client import ServingError

WARM_UP = 2  # requests of each client that do not count


def percentile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def run(send, clients, seconds):
    """Calls `send` from several threads.

    Returns:
        Seconds that each request took, seconds in all, and the errors.
    """
    latencies, errors, barrier = [], [], threading.Barrier(clients + 1)

    def work():
        try:
            for _ in range(WARM_UP):
                send()
        except ServingError as error:
            errors.append(str(error))
        barrier.wait()
        while time.perf_counter() < end[0]:
            start = time.perf_counter()
            try:
                send()
                latencies.append(time.perf_counter() - start)
            except ServingError as error:
                errors.append(str(error))
                return

    end = [math.inf]
    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()  # until all clients are warm
    start = time.perf_counter()
    end[0] = start + seconds
    for thread in threads:
        thread.join()
    return latencies, time.perf_counter() - start, errors


def report(latencies, seconds, errors, count):
    """The figures in words."""
    if not latencies:
        return f"no request was answered; {errors[0] if errors else 'too few seconds'}"
    marks = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    words = ", ".join(f"{k} {1000 * percentile(latencies, v):.1f}" for k, v in marks.items())
    rate = len(latencies) / seconds
    text = f"{len(latencies)} requests in {seconds:.1f} s: {rate:.1f} requests/s,"
    text += f" {count * rate:.1f} images/s; latency in ms: {words}"
    return text + (f"; {len(errors)} clients failed: {errors[0]}" if errors else "")


def main(words=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--url", default=rest_client.URL)
    parser.add_argument("--grpc", help="HOST:PORT, in place of REST")
    parser.add_argument("--signature")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=1, help="images in a request")
    parser.add_argument("--label", type=int)
    parser.add_argument("--text")
    parser.add_argument("--image", type=pathlib.Path, action="append", default=[])
    flags = parser.parse_args(words)
    flags.seed = 0
    try:
        send = _sender(flags)
    except (ServingError, OSError) as error:
        sys.exit(f"load.py: {error}")
    print(report(*run(send, flags.clients, flags.seconds), len(flags.image) or flags.count))


def _sender(flags):
    """A function that sends one request."""
    if flags.grpc is None:
        name, inputs = rest_client.chosen(flags, rest_client.signatures(flags.model, flags.url))
        return lambda: rest_client.predict(flags.model, name, inputs, flags.url)
    import grpc_client

    stub = grpc_client.connect(flags.grpc)
    table = grpc_client.signatures(flags.model, stub)
    name, inputs = rest_client.chosen(flags, table)
    return lambda: grpc_client.predict(flags.model, name, inputs, table[name], stub)


if __name__ == "__main__":
    main()
