"""Measurements, as ratios against an ideal or a rival in the same run: ``make bench``.

They are no tests: machines are shared and noisy, and a slow minute must fail nobody's change.
"""
