"""The parts of the typed report: what was asked for and found, the model, the data, the library, the search, the rounds."""
