"""Evaluation of all methods on the same test sequences, and the tables that compare them."""
