"""Tests compute on one thread, in this process and those it starts: sums then come in one order, on any machine."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
