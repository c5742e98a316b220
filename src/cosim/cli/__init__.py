"""The command `cosim`: reads scenarios, runs them, says what came out.

Exit codes: 0, 1 when a run failed, 2 for bad input, 130 when interrupted. Nothing heavy is
imported before a command needs it.
"""

from cosim.cli.shell import app, main

__all__ = ["app", "main"]
