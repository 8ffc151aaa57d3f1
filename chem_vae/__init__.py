"""The model: a recurrent conditional VAE over merged SELFIES symbols. Needs torch, Lightning and selfies; no RDKit."""

import os

# Read by torch's libraries when they are loaded; a user's own settings stay.
# oneDNN keeps a compiled program, with its workspace, for each shape of a batch, 1,024 of them: half a gigabyte in a search or in a
# training, whose batches have many shapes. With 64 these are no slower.
for _capacity in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_capacity, "64")
# Threads that wait for the next matrix product keep their core busy for milliseconds. Where another program wants that core, this made
# `generate` three times as slow; where the cores are free, a shorter wait is as fast within the noise of a few percent.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
