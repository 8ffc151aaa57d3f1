def score(smiles):
    return [float(len(s)) for s in smiles]
