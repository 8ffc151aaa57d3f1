"""The app in the browser (`chem-vae ui`): a face of what the other rooms do, without work or state of its own."""
