"""Other systems that keep long work durable, doing what a promotion does, measured beside it.

- Each does three durable steps and, after the first, a durable wait for a verdict that somebody else signals. Whoever
  signals answers at once: no peer judges, signs or logs anything.
- `bare`: a step returns 500 bytes, which the peer keeps. `acting`: a step is one MongoDB transaction of two documents,
  which is what Hallmark's own floor counts for a step.
- Written as the peers' documentation has it. Both sync what they acknowledge to disk, as we do.
- The programs in this folder that import a peer run in an environment of their own, which `installing.py` makes when
  the benchmark runs and throws away afterwards. What cannot be had is said, and not measured.
"""
