"""Benchmarks: the MOSES metrics as functions, and a whole model measured with them.

from pipeline.benchmark.distribution import uniqueness, passing_filters   # on your own lists of SMILES
from pipeline.benchmark.chemnet import fcd                                # needs the extra `benchmark`
from pipeline.benchmark.moses import moses_benchmark, score_samples
"""
