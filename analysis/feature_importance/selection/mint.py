"""MINT, selection of features by relevance less redundancy (He et al. 2013, arXiv:1310.1659; Peng et al. 2005)."""

from typing import NamedTuple

import numpy as np

from analysis.feature_importance.selection.information import mutual_information, rank_bins


class Ranking(NamedTuple):
    """Features in the order in which they are chosen, and RL and RD of all chosen up to each; in nats."""

    order: np.ndarray
    relevance: np.ndarray
    redundancy: np.ndarray


def greedy(relevance: np.ndarray, redundancy: np.ndarray) -> Ranking:
    """Choose feature after feature, each the one with which RL - RD of the chosen ones is largest.

    RL = (1/S) sum_i MI(X_i; Y) and RD = (1/S^2) sum_ij MI(X_i; X_j), over the S chosen features.

    Parameters
    ----------
    relevance : ndarray, shape (features,)
        MI(X_i; Y).
    redundancy : ndarray, shape (features, features)
        MI(X_i; X_j).

    Returns
    -------
    Ranking
        Each part of shape (features,).
    """
    features = len(relevance)
    left = np.ones(features, bool)
    with_chosen = np.zeros(features)  # sum of MI(X_i; X_j) over the chosen j
    sum_relevance = sum_redundancy = 0.0
    order, mean_relevance, mean_redundancy = [], [], []
    for size in range(1, features + 1):
        relevances = sum_relevance + relevance
        redundancies = sum_redundancy + 2 * with_chosen + np.diag(redundancy)
        score = relevances / size - redundancies / size**2
        best = int(np.argmax(np.where(left, score, -np.inf)))
        left[best] = False
        sum_relevance, sum_redundancy = relevances[best], redundancies[best]
        with_chosen = with_chosen + redundancy[best]
        order.append(best)
        mean_relevance.append(sum_relevance / size)
        mean_redundancy.append(sum_redundancy / size**2)
    return Ranking(np.array(order), np.array(mean_relevance), np.array(mean_redundancy))


def information(X: np.ndarray, z: np.ndarray, X_science: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the relevance and the redundancy of features, by mutual information of ranks.

    Parameters
    ----------
    X, z : ndarray, shape (objects, features) and (objects,)
        Training galaxies: features and redshifts, for the relevance.
    X_science : ndarray, shape (others, features)
        Galaxies that redshifts are wanted for, for the redundancy.
    bins : int
        Of equal numbers.

    Returns
    -------
    relevance, redundancy : ndarray, shape (features,) and (features, features)
    """
    relevance = mutual_information(rank_bins(X, bins), rank_bins(z[:, None], bins))[:, 0]
    science = rank_bins(X_science, bins)
    return relevance, mutual_information(science, science)


def without_self(relevance: np.ndarray, redundancy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave the pairs i = j out of the redundancy.

    The published sum has them. What they add, a feature's entropy, is infinite for a continuous one; of binned ones
    it favours those with few different values, such as a profile weight that is often exactly zero or one.
    """
    pairs = redundancy.copy()
    np.fill_diagonal(pairs, 0)
    return relevance, pairs
