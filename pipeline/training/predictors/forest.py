"""A random forest on substructures and descriptors, which the predictors of a measured property are compared with.

It is a common choice for measured properties and knows nothing of the processes. It is fitted for the comparison alone and never saved:
its values do not go beyond those of the labels, and it has no functions to draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.predictors import Prediction
from chem_vae.predictors.labels import Labels

_TREES = 100
_SHARE = 0.3
"""The share of the columns that each split of a tree looks at."""


class Forest:
    """A random forest of trees fitted to exact values; the trees' spread is the standard deviation.

    Args:
        inputs: (n, F + d) substructures with descriptors behind.
        y: (n,) values in raw units; labels that are bounds are left out.
        classes: Whether the values are 0 and 1, so that their probability is predicted.
        seed: Decides what each tree sees.
    """

    def __init__(self, inputs: Tensor, y: Tensor | Labels, *, classes: bool = False, seed: int = 0) -> None:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor  # heavy

        labels = Labels.of(y)
        known = labels.is_exact
        x = _fill(inputs[known])
        varied = np.flatnonzero((x != x[:1]).sum(axis=0) > 1)  # a column of one molecule alone teaches nothing
        self.columns: NDArray[np.int64] = varied if len(varied) else np.arange(x.shape[1])
        kind = RandomForestClassifier if classes else RandomForestRegressor
        self.forest: Any = kind(_TREES, max_features=_SHARE, n_jobs=1, random_state=seed)
        self.forest.fit(x[:, self.columns], labels.y[known].numpy())
        self.is_classifier = classes

    def predict(self, inputs: Tensor) -> Prediction:
        """Predict the mean (n,) and the spread of the trees (n,)."""
        x = _fill(inputs)[:, self.columns]
        if self.is_classifier:
            at = self.forest.classes_.tolist().index(1.0) if 1.0 in self.forest.classes_ else None
            found = np.stack(
                [np.zeros(len(x)) if at is None else tree.predict_proba(x)[:, at] for tree in self.forest.estimators_]
            )
        else:
            found = np.stack([tree.predict(x) for tree in self.forest.estimators_])
        mean, std = (torch.from_numpy(v).float() for v in (found.mean(axis=0), found.std(axis=0)))
        return Prediction(mean, std.clamp_min(1e-3 * max(float(mean.std()), 1e-6)))


def _fill(inputs: Tensor) -> NDArray[np.float32]:
    """Put 0 in the place of missing descriptors."""
    return np.asarray(inputs.float().nan_to_num(nan=0.0).numpy())
