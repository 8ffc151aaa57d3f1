"""The page that looks around a molecule in the latent space."""
