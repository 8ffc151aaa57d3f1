"""The model: a recurrent conditional VAE over merged SELFIES symbols. Needs torch, Lightning and selfies; no RDKit."""
