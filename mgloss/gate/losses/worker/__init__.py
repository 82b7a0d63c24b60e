"""Run a foreign loss in a process of its own, with limits on time and memory.

Nobody has judged the loss yet: it may hang, exit, be killed, fill the memory, or write where it
should not. The gate therefore asks a worker process for each answer, over two pipes, and survives
the worker. Only data passes between the two, JSON and the bytes of arrays, and the gate checks what
it receives.
"""
