"""A foreign loss in a process of its own, with limits on time and memory.

The loss is code that nobody has judged yet: it may hang, exit, be killed, fill the memory, or write
where it should not. So the gate asks a worker process for each answer, over two pipes, and outlives
it. What passes between the two is data: JSON and the bytes of arrays, checked at both ends.
"""
