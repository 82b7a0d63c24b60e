"""One training step, on one device and in parts: which normalization gives the same step?

    python examples/data_parallel.py              two logical CPU devices, MirroredStrategy
    python examples/data_parallel.py --workers    two processes, MultiWorkerMirroredStrategy
    python examples/data_parallel.py --accumulate two micro-batches on one device

The batch is two images: one has an object, the other none. A layer of weights makes predictions of
features; printed is the largest difference of its weights after one step of gradient descent from
those of a single device, over the largest that the step changes.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

ANCHORS = [[(32.0, 24.0), (48.0, 64.0)]]
CLASSES, SIZE, GRIDS = 2, (96, 128), [(3, 4)]
BOXES: list[list[tuple[int, ...]]] = [[(40, 40, 72, 64, 0)], []]
FEATURES, CHANNELS, RATE = 6, 5 + 2 + CLASSES, 0.1
PARTS = 2


def data() -> tuple[np.ndarray, np.ndarray]:
    """Features `[2, 3, 4, 6]` and targets `[2, 3, 4, 9]` of the two images."""
    from mgloss.data.targets import encode

    features = np.random.default_rng(0).normal(size=(2, *GRIDS[0], FEATURES)).astype(np.float32)
    (target,) = encode(BOXES, ANCHORS, CLASSES, SIZE, GRIDS)
    return features, target


def start() -> np.ndarray:
    """The weights before the step, `[6, 9]`."""
    return np.random.default_rng(1).normal(size=(FEATURES, CHANNELS)).astype(np.float32) / 4


def values() -> dict[str, Callable[[Any, Any], Any]]:
    """The losses that are compared, by name; the last divides by the count of all parts."""
    from mgloss import MultiGridLoss
    from mgloss.reference.data_parallel import over_replicas

    batch = MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization="batch")
    positives = MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization="positives")
    return {
        "batch": batch,
        "positives": positives,
        "positives, global count": lambda y, p: over_replicas(positives, y, p)["total"],
    }


def stepped(strategy: Any, value: Callable[[Any, Any], Any]) -> np.ndarray:
    """The weights after one step under a strategy, each replica with its share of the images."""
    import tensorflow as tf

    features, target = data()
    with strategy.scope():
        weights = tf.Variable(start())
        optimizer = tf.keras.optimizers.SGD(RATE)
        optimizer.build([weights])
    replicas = strategy.num_replicas_in_sync
    shares = strategy.experimental_distribute_values_from_function(
        lambda context: (
            tf.constant(features[context.replica_id_in_sync_group :: replicas]),
            tf.constant(target[context.replica_id_in_sync_group :: replicas]),
        )
    )

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(share: Any) -> None:
        def of_replica(inputs: Any, wanted: Any) -> None:
            with tf.GradientTape() as tape:
                # The optimizer sums over replicas, and the sum of these is the mean.
                loss = value([wanted], [inputs @ weights]) / replicas
            optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])

        strategy.run(of_replica, args=share)

    step(shares)
    return np.asarray(strategy.experimental_local_results(weights)[0])


def accumulated(name: str) -> np.ndarray:
    """The weights after one step of two micro-batches on one device."""
    import tensorflow as tf

    from mgloss import MultiGridLoss
    from mgloss.reference.data_parallel import counts_of, of_step

    features, target = data()
    loss = MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization=name.split(",")[0])
    weights = tf.Variable(start())
    parts = [([target[n : n + 1]], features[n : n + 1]) for n in range(PARTS)]
    counts = None
    if "global" in name:
        counts = tf.add_n([counts_of(loss, y, [x @ weights]) for y, x in parts])
    gradient = tf.zeros_like(weights)
    for wanted, inputs in parts:
        with tf.GradientTape() as tape:
            predicted = [inputs @ weights]
            if counts is None:
                value = loss(wanted, predicted)
            else:
                value = of_step(loss, wanted, predicted, counts, PARTS)["total"]
        gradient += tape.gradient(value, weights) / PARTS
    return (weights - RATE * gradient).numpy()  # type: ignore[no-any-return]


def single(name: str) -> np.ndarray:
    """The weights after the step that one device takes with both images."""
    import tensorflow as tf

    return stepped(tf.distribute.OneDeviceStrategy("/cpu:0"), values()[name.split(",")[0]])


def difference(found: np.ndarray, alone: np.ndarray) -> float:
    """The largest difference over the largest change of the step."""
    return float(np.abs(found - alone).max() / np.abs(alone - start()).max())


def mirrored() -> dict[str, float]:
    """By two logical devices of this process."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    return {
        name: difference(stepped(strategy, value), single(name)) for name, value in values().items()
    }


def by_workers() -> dict[str, float]:
    """By two processes on this host; each takes the steps, the first tells."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(PARTS)]
    hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in held]
    for each in held:
        each.close()
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, "--worker"],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "TF_CONFIG": json.dumps(
                    {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
                ),
            },
        )
        for index in range(PARTS)
    ]
    try:
        said = [worker.communicate(timeout=240)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    if any(worker.returncode for worker in workers):
        sys.exit("a worker failed: see above")
    return json.loads(said[0].splitlines()[-1])  # type: ignore[no-any-return]


def worker() -> dict[str, float]:
    """What one of the processes does."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    found = {name: stepped(strategy, value) for name, value in values().items()}
    return {name: difference(weights, single(name)) for name, weights in found.items()}


def main() -> None:
    """Take the steps and print the differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--workers", action="store_true")
    how.add_argument("--accumulate", action="store_true")
    how.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print the differences as JSON")
    asked = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if asked.worker:
        print(json.dumps(worker()))
        return
    if asked.workers:
        found = by_workers()
    elif asked.accumulate:
        found = {name: difference(accumulated(name), single(name)) for name in values()}
    else:
        found = mirrored()
    if asked.json:
        print(json.dumps(found))
        return
    objects = " and ".join(str(len(boxes)) for boxes in BOXES)
    print(f"two images, of {objects} objects; the weights after one step in two parts differ by")
    for name, off in found.items():
        print(f"  {name:25}{off:9.1e} of it  {'the same' if off < 1e-5 else 'ANOTHER STEP'}")


if __name__ == "__main__":
    main()
