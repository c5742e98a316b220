"""The model written a second time, from `docs/odd.md` alone: Mesa agents, dictionaries, floats.

It is the oracle of the engine (a test compares the two after every step) and the version to read
first: one function per paragraph of the ODD, no arrays, no compilation. It starts from the engine's
initial state (§5 is not written twice) and shares nothing else with it but the parameter ledger.
"""
