"""Losses that do harm on batches of several images, and are right on one. NumPy only."""

import atexit
import builtins
import contextlib
import ctypes
import functools
import gc
import json
import os
import random
import re
import resource
import signal
import struct
import sys
import threading
import time
import warnings

import numpy as np


def plain(y_true, y_pred):
    return np.float32(sum(np.square(p).sum() for p in y_pred) / len(y_true[0]))


HOSTILE = []


def of_several_images(harm):
    """A loss that does this before it answers, where there are several images."""

    @functools.wraps(harm)
    def loss(y_true, y_pred):
        found = harm(y_true, y_pred) if len(y_true[0]) > 1 else None
        return plain(y_true, y_pred) if found is None else found

    HOSTILE.append(harm.__name__)
    return loss


@of_several_images
def sleeps(y_true, y_pred):
    time.sleep(3600)


@of_several_images
def loops(y_true, y_pred):
    while True:
        pass


@of_several_images
def sleeps_in_c_and_keeps_the_lock(y_true, y_pred):
    ctypes.PyDLL(None).sleep(3600)


@of_several_images
def backtracks(y_true, y_pred):
    re.match(r"(a+)+$", "a" * 60 + "b")


@of_several_images
def stops_itself(y_true, y_pred):
    os.kill(os.getpid(), signal.SIGSTOP)


@of_several_images
def ignores_signals_and_sleeps(y_true, y_pred):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(3600)


@of_several_images
def waits_for_a_thread(y_true, y_pred):
    threading.Event().wait()


@of_several_images
def exits_with_3(y_true, y_pred):
    os._exit(3)


@of_several_images
def exits_as_if_all_were_well(y_true, y_pred):
    os._exit(0)


@of_several_images
def raises_system_exit(y_true, y_pred):
    sys.exit(0)


@of_several_images
def raises_keyboard_interrupt(y_true, y_pred):
    raise KeyboardInterrupt


@of_several_images
def raises_generator_exit(y_true, y_pred):
    raise GeneratorExit("done")


@of_several_images
def is_killed(y_true, y_pred):
    os.kill(os.getpid(), signal.SIGKILL)


@of_several_images
def kills_its_group(y_true, y_pred):
    os.killpg(0, signal.SIGKILL)


@of_several_images
def has_a_segmentation_fault(y_true, y_pred):
    ctypes.string_at(0)


@of_several_images
def aborts(y_true, y_pred):
    os.abort()


@of_several_images
def runs_out_of_processor_time(y_true, y_pred):
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    while True:
        pass


@of_several_images
def asks_for_too_much_memory(y_true, y_pred):
    np.ones(2**33)


LEAKED = []


@of_several_images
def leaks(y_true, y_pred):
    LEAKED.append(np.ones(2**24))


@of_several_images
def recurses(y_true, y_pred):
    def deeper():
        return deeper()

    deeper()


@of_several_images
def closes_every_file(y_true, y_pred):
    os.closerange(0, 4096)


@of_several_images
def writes_to_every_file(y_true, y_pred):
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\0" * 7 + b"\5hello")


@of_several_images
def promises_a_huge_answer(y_true, y_pred):
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, struct.pack(">Q", 2**60))


@of_several_images
def answers_twice(y_true, y_pred):
    os.fork()


@of_several_images
def leaves_a_child(y_true, y_pred):
    if os.fork() == 0:
        time.sleep(3600)


@of_several_images
def writes_from_a_thread(y_true, y_pred):
    def write():
        for _ in range(1000):
            for descriptor in range(3, 32):
                with contextlib.suppress(OSError):
                    os.write(descriptor, b"noise")

    threading.Thread(target=write, daemon=True).start()
    time.sleep(0.05)


@of_several_images
def prints_much(y_true, y_pred):
    print("x" * 2**20)
    os.write(1, b"x" * 2**20)
    os.write(2, b"x" * 2**20)


@of_several_images
def asks_a_question(y_true, y_pred):
    input("name? ")


@of_several_images
def has_no_stdout(y_true, y_pred):
    sys.stdout = sys.stderr = None


@of_several_images
def spoils_json(y_true, y_pred):
    json.dumps = lambda *a, **k: "{"


@of_several_images
def spoils_builtins(y_true, y_pred):
    builtins.len = lambda thing: 1


@of_several_images
def spoils_numpy(y_true, y_pred):
    np.array_equal = np.ascontiguousarray = None


@of_several_images
def empties_its_modules(y_true, y_pred):
    for name in list(sys.modules):
        if name.startswith(("mgloss", "mgspec")):
            del sys.modules[name]


@of_several_images
def leaves_the_folder(y_true, y_pred):
    os.chdir("/")
    os.environ.clear()
    sys.path.clear()


@of_several_images
def makes_errors_of_warnings(y_true, y_pred):
    np.seterr(all="raise")
    warnings.simplefilter("error")


@of_several_images
def sleeps_at_exit(y_true, y_pred):
    atexit.register(time.sleep, 3600)
    gc.disable()


@of_several_images
def seeds_everything(y_true, y_pred):
    random.seed(0)
    np.random.seed(0)


@of_several_images
def spoils_its_inputs(y_true, y_pred):
    for array in (*y_true, *y_pred):
        array[...] = 0
    return np.float32(0)


@of_several_images
def returns_text(y_true, y_pred):
    return "0.5"


@of_several_images
def returns_a_huge_array(y_true, y_pred):
    return np.zeros((100, 1000, 1000), np.float32)


@of_several_images
def returns_nan(y_true, y_pred):
    return np.float32("nan")


@of_several_images
def returns_other_components(y_true, y_pred):
    return {"location": np.float32(0)}


class Evil:
    """A number that is none."""

    shape = ()

    @property
    def dtype(self):
        raise SystemExit("no dtype today")


@of_several_images
def returns_what_raises(y_true, y_pred):
    return Evil()


class Endless(dict):
    """A mapping without an end."""

    def __iter__(self):
        while True:
            yield "total"

    def __len__(self):
        return 1


@of_several_images
def returns_what_never_ends(y_true, y_pred):
    return Endless(total=np.float32(0))


class UnspeakableError(Exception):
    """An error whose message cannot be read."""

    def __str__(self):
        raise SystemExit("no message today")


@of_several_images
def raises_what_cannot_be_read(y_true, y_pred):
    raise UnspeakableError


@of_several_images
def raises_a_long_story(y_true, y_pred):
    raise RuntimeError("\x1b[31m" + "again and again " * 2**16)


CALLS = []


@of_several_images
def depends_on_its_calls(y_true, y_pred):
    CALLS.append(1)
    return np.float32(len(CALLS))
