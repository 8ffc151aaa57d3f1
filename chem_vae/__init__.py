"""The model: a recurrent conditional VAE over merged SELFIES symbols. Needs torch, Lightning and selfies; no RDKit."""

import os

# oneDNN keeps a compiled program, with its workspace, for each shape of a batch, 1,024 of them: half a gigabyte in a search or in a
# training, whose batches have many shapes. With 64 these are no slower. A user's own setting stays.
for _capacity in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_capacity, "64")
