"""What epochal must compute, written naively from its contract.

Standard library only; nothing of the package is imported. Numbers are exact fractions, or decimals
of 60 digits where a sine or a power is needed. Slow, and short enough to be read instead of tested.
"""
