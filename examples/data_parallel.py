"""Take a training step on one device and in two parts, and compare the weights after it.

    python examples/data_parallel.py              two logical CPU devices, MirroredStrategy
    python examples/data_parallel.py --workers    two processes, MultiWorkerMirroredStrategy
    python examples/data_parallel.py --accumulate two micro-batches on one device

The batch has two images, one with an object and one without. A linear layer predicts from features.
After one step of gradient descent the script prints, for each normalization, the largest difference
between the weights of both ways, divided by the largest change of the step.
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


def make_batch() -> tuple[np.ndarray, np.ndarray]:
    """Return features `[2, 3, 4, 6]` and targets `[2, 3, 4, 9]` of the two images."""
    from mgloss.data.targets import encode

    features = np.random.default_rng(0).normal(size=(2, *GRIDS[0], FEATURES)).astype(np.float32)
    (target,) = encode(BOXES, ANCHORS, CLASSES, SIZE, GRIDS)
    return features, target


def initial_weights() -> np.ndarray:
    """Return the weights before the step, `[6, 9]`."""
    return np.random.default_rng(1).normal(size=(FEATURES, CHANNELS)).astype(np.float32) / 4


def make_losses() -> dict[str, Callable[[Any, Any], Any]]:
    """Return the losses by name; the last one divides by the count of both parts together."""
    from mgloss import MultiGridLoss
    from mgloss.reference.data_parallel import over_replicas

    batch = MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization="batch")
    positives = MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization="positives")
    return {
        "batch": batch,
        "positives": positives,
        "positives, global count": lambda y, p: over_replicas(positives, y, p)["total"],
    }


def train_step(strategy: Any, loss: Callable[[Any, Any], Any]) -> np.ndarray:
    """Return the weights after one step, in which each replica has its share of the images."""
    import tensorflow as tf

    features, target = make_batch()
    with strategy.scope():
        weights = tf.Variable(initial_weights())
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
        def step_of_replica(inputs: Any, target: Any) -> None:
            with tf.GradientTape() as tape:
                # The optimizer sums over replicas; divided, their sum is the mean.
                value = loss([target], [inputs @ weights]) / replicas
            optimizer.apply_gradients([(tape.gradient(value, weights), weights)])

        strategy.run(step_of_replica, args=share)

    step(shares)
    return np.asarray(strategy.experimental_local_results(weights)[0])


def accumulate(name: str) -> np.ndarray:
    """Return the weights after one step of two micro-batches on one device."""
    import tensorflow as tf

    from mgloss import MultiGridLoss
    from mgloss.reference.data_parallel import counts_of, of_step

    features, target = make_batch()
    loss = MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization=name.split(",")[0])
    weights = tf.Variable(initial_weights())
    parts = [([target[n : n + 1]], features[n : n + 1]) for n in range(PARTS)]
    counts = None
    if "global" in name:
        counts = tf.add_n([counts_of(loss, y, [x @ weights]) for y, x in parts])
    gradient = tf.zeros_like(weights)
    for part_target, inputs in parts:
        with tf.GradientTape() as tape:
            predicted = [inputs @ weights]
            if counts is None:
                value = loss(part_target, predicted)
            else:
                value = of_step(loss, part_target, predicted, counts, PARTS)["total"]
        gradient += tape.gradient(value, weights) / PARTS
    return (weights - RATE * gradient).numpy()  # type: ignore[no-any-return]


def train_on_one_device(name: str) -> np.ndarray:
    """Return the weights after one step with both images on one device."""
    import tensorflow as tf

    return train_step(tf.distribute.OneDeviceStrategy("/cpu:0"), make_losses()[name.split(",")[0]])


def compare(weights: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference of weights, divided by the largest change of the step."""
    change = np.abs(expected - initial_weights()).max()
    return float(np.abs(weights - expected).max() / change)


def run_mirrored() -> dict[str, float]:
    """Take the steps on two logical devices of this process, and return the differences."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    return {
        name: compare(train_step(strategy, loss), train_on_one_device(name))
        for name, loss in make_losses().items()
    }


def run_workers() -> dict[str, float]:
    """Take the steps in two processes on this host, and return the differences of the first."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(PARTS)]  # to find free ports
    hosts = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
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
        outputs = [worker.communicate(timeout=240)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    if any(worker.returncode for worker in workers):
        sys.exit("a worker failed: see above")
    return json.loads(outputs[0].splitlines()[-1])  # type: ignore[no-any-return]


def run_as_worker() -> dict[str, float]:
    """Take the steps as one of the two processes, and return the differences."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    weights = {name: train_step(strategy, loss) for name, loss in make_losses().items()}
    return {name: compare(weights[name], train_on_one_device(name)) for name in weights}


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
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.worker:
        print(json.dumps(run_as_worker()))
        return
    if arguments.workers:
        differences = run_workers()
    elif arguments.accumulate:
        differences = {
            name: compare(accumulate(name), train_on_one_device(name)) for name in make_losses()
        }
    else:
        differences = run_mirrored()
    if arguments.json:
        print(json.dumps(differences))
        return
    objects = " and ".join(str(len(boxes)) for boxes in BOXES)
    print(f"two images, of {objects} objects; the weights after one step in two parts differ by")
    for name, difference in differences.items():
        verdict = "the same" if difference < 1e-5 else "ANOTHER STEP"
        print(f"  {name:25}{difference:9.1e} of it  {verdict}")


if __name__ == "__main__":
    main()
