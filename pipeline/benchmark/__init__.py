"""Benchmarks: the MOSES metrics as functions, and a whole model measured with them.

from pipeline.benchmark.distribution import measure_uniqueness, measure_passing_filters   # on your own lists of SMILES
from pipeline.benchmark.chemnet import compute_fcd                                # needs the extra `benchmark`
from pipeline.benchmark.moses import run_benchmark, score_samples
"""
