"""Experiments that researchers can publish: a file, its runs, what they show."""
