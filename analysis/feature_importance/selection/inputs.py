"""Features made without thought: components and linear combinations of all measured ones."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection


def recipes(n_features: int, n_components: int, n_landmarks: int, seed: int) -> dict[str, Pipeline]:
    """Return the transformations, by name, not yet fitted.

    Parameters
    ----------
    n_features : int
        Number of measured features.
    n_components : int
        Number of made ones; at most as many as measured.
    n_landmarks : int
        Galaxies that span the kernel (Nystroem's approximation): with all of them, it would not fit into memory.
    seed : int

    Returns
    -------
    dict
        Name: pipeline that fills missing values by the median, scales to unit variance, and makes features.
    """
    n_components = min(n_components, n_features)
    kernel = Nystroem(gamma=1 / n_features, n_components=n_landmarks, random_state=seed)
    makers = {
        "pca": [PCA(n_components, random_state=seed)],
        "kernel_pca": [kernel, PCA(n_components, random_state=seed)],
        "random_combinations": [GaussianRandomProjection(n_components, random_state=seed)],
    }
    return {
        name: make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), *steps)
        for name, steps in makers.items()
    }


def made_features(X_train: np.ndarray, X: np.ndarray, recipe: Pipeline) -> tuple[np.ndarray, np.ndarray]:
    """Fit a recipe to training galaxies; return its features of them and of others."""
    made = recipe.fit_transform(X_train)
    return made, recipe.transform(X)
