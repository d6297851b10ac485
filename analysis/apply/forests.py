"""Fitted forests of scikit-learn -> flat trees, and what they need beside them: the training side of `trees`."""

from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest, RandomForestClassifier

from analysis.apply.trees import Trees, mean_path

Array = np.ndarray


def classifier_trees(forest: RandomForestClassifier) -> Trees:
    """Flatten a forest of two classes; the mean over its trees is the probability of the class True."""
    column = list(forest.classes_).index(True)

    def share(tree: Any) -> Array:
        return tree.value[:, 0, column] / tree.value[:, 0].sum(axis=1)

    return Trees.flattened(forest.estimators_, share)


def isolation_trees(forest: IsolationForest) -> Trees:
    """Flatten an isolation forest that uses all columns in each tree; trees say how deep an object lies."""

    def depth(tree: Any) -> Array:
        below = np.zeros(tree.node_count)
        for node in range(tree.node_count):  # parents come before their children
            for child in (tree.children_left[node], tree.children_right[node]):
                if child >= 0:
                    below[child] = below[node] + 1
        return below + mean_path(tree.n_node_samples)

    return Trees.flattened(forest.estimators_, depth)


def variance_share(forest: RandomForestClassifier, X: Array) -> float:
    """Return the variance of the forest's answer over training samples, in units of the variance over its trees.

    A forest of B trees of variance s^2 and correlation rho scatters by rho s^2 + (1 - rho) s^2 / B (Breiman 2001,
    Machine Learning 45, 5, section 11). Measured by the infinitesimal jackknife for bagging, less the bias of finitely
    many trees (Wager, Hastie & Efron 2014, JMLR 15, 1625, eq. 5 and 7): the noise of that estimate, as large as itself
    for one object and some hundred trees, is averaged away over all of X.

    Parameters
    ----------
    forest : RandomForestClassifier
        Grown on bootstrap samples.
    X : ndarray, shape (n, d)
        Objects that the forest has not been trained on.

    Returns
    -------
    float
        At least 1 / B: what the number of trees alone brings about. 1 if all trees agree on all objects.
    """
    n_training, n_trees = forest._n_samples, len(forest.estimators_)
    drawn = np.array([np.bincount(rows, minlength=n_training) for rows in forest.estimators_samples_], np.float32)
    column = list(forest.classes_).index(True)
    answers = np.array([tree.predict_proba(X)[:, column] for tree in forest.estimators_])
    answers -= answers.mean(axis=0)
    between = np.sum(answers**2) / n_trees
    if between == 0:
        return 1.0
    drawn -= drawn.mean(axis=0)
    # |drawn.T @ answers|^2, which has n_training x n objects, by two matrices of trees x trees
    squares = np.sum((drawn @ drawn.T).astype(float) * (answers @ answers.T))
    jackknife = float(squares) / n_trees**2 - n_training / n_trees * between
    return max(jackknife / between, 1 / n_trees)
