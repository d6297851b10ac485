"""RDF: the boosted trees of Hoyle et al. (2015), their leaves filled with the redshifts of held-out objects."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from analysis.adaboost import AdaBoostR2
from analysis.cores import cores
from analysis.errors import InputError
from analysis.pdf_metrics import cde_loss, normalised
from analysis.photoz_pdf.interface import Array, PdfEstimator
from analysis.photoz_pdf.kernels import deal_to_grid, silverman_bandwidth, smoothing_matrix
from analysis.photoz_pdf.photometry import PhotometricInputs

_BANDWIDTHS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)  # of Silverman's for all redshifts


class BoostedTrees(PdfEstimator):
    """AdaBoost.R2, whose leaves hold the redshifts of objects that their trees have not seen.

    AdaBoost.R2 reweights: later trees are grown on the objects that earlier ones predict badly, so that neither the
    objects in their leaves nor those left out of their bootstrap samples are fair draws. So the training sample is
    divided; each ensemble of trees is grown on all parts but one, and that part, every object counting once, fills
    its leaves. An object's PDF is the mean over all trees of the distributions in its leaves, with the trees' votes,
    smoothed by a Gaussian kernel.

    Parameters
    ----------
    folds : int
        Parts of the training sample, hence ensembles.
    n_estimators, max_depth, min_samples_leaf, max_bins : int
        Of each ensemble (`AdaBoostR2`).
    bandwidth : float or None
        Of the kernel; None: chosen by the CDE loss of training objects, each taken out of its leaves.
    seed : int
    """

    name = "rdf"
    defaults: ClassVar = {
        "folds": 5,
        "n_estimators": 50,
        "max_depth": 14,
        "min_samples_leaf": 5,
        "max_bins": 255,
        "bandwidth": None,
        "seed": 1,
    }

    def _fit(self, features: Array, errors: Array, z: Array) -> None:
        inputs = PhotometricInputs.for_sample(features, errors)
        X = inputs(features, errors)
        fold = np.random.default_rng(self.settings["seed"]).permutation(len(z)) % min(self.settings["folds"], len(z))
        with ThreadPoolExecutor(cores()) as pool:  # LightGBM computes outside of Python's lock
            self._ensembles = list(pool.map(lambda f: self._grow(X[fold != f], z[fold != f]), range(fold.max() + 1)))
        dealt = deal_to_grid(self.grid, z[:, None], np.ones((len(z), 1)))
        sums, counts, sizes = [], [], []
        for number, trees in enumerate(self._ensembles):
            leaves, own = trees.leaves(X), np.flatnonzero(fold == number)
            sizes.append(leaves.max(axis=0) + 1)  # the trees were grown on X, so no leaf is without any of X
            members = _membership(leaves[own], sizes[-1])
            sums.append(members.T @ dealt[own])
            counts.append(members.sum(axis=0))
        filled = sparse.vstack(sums).tocsr()
        self.arrays = inputs.for_model()
        self.arrays |= {"counts": np.concatenate(counts), "sizes": np.concatenate(sizes)}
        self.arrays |= {"votes": np.concatenate([trees.estimator_weights_ for trees in self._ensembles])}
        self.arrays |= {"indptr": filled.indptr, "indices": filled.indices, "data": filled.data}
        self._prepare()
        self.arrays["bandwidth"] = np.array(self._choose_bandwidth(X, z, fold, dealt))

    def _grow(self, X: Array, z: Array) -> AdaBoostR2:
        names = ("n_estimators", "max_depth", "min_samples_leaf", "max_bins", "seed")
        return AdaBoostR2(**{name: self.settings[name] for name in names}).fit(X, z)

    def _prepare(self) -> None:
        arrays = self.arrays
        self._inputs = PhotometricInputs.from_model(arrays)
        shape = (len(arrays["counts"]), len(self.grid))
        self._votes = np.repeat(arrays["votes"], arrays["sizes"])
        self._sums = sparse.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)

    def _choose_bandwidth(self, X: Array, z: Array, fold: Array, dealt: sparse.csr_array) -> float:
        """Return the bandwidth of the least CDE loss, each object judged by its leaves without itself."""
        if self.settings["bandwidth"]:
            return self.settings["bandwidth"]
        histogram = np.zeros((len(z), len(self.grid)))
        tree = leaf = 0
        for number, trees in enumerate(self._ensembles):
            own, n_trees = np.flatnonzero(fold == number), len(trees.estimator_weights_)
            sizes = self.arrays["sizes"][tree : tree + n_trees]
            part = slice(leaf, leaf + int(sizes.sum()))
            members = _membership(trees.leaves(X[own]), sizes)
            others = self.arrays["counts"][part] - 1
            weights = np.where(others > 0, self._votes[part] / np.maximum(others, 1), 0)
            itself = dealt[own] * (members @ weights)[:, None]
            histogram[own] = ((members * weights) @ self._sums[part] - itself).toarray()
            tree, leaf = tree + n_trees, part.stop
        histogram = np.maximum(histogram, 0)  # rounding
        judged = histogram.sum(axis=1) > 0
        if not judged.any():  # a handful of objects, each alone in its leaves
            return silverman_bandwidth(z)

        def loss(bandwidth: float) -> float:
            pdfs = normalised(self.grid, histogram[judged] @ smoothing_matrix(self.grid, bandwidth))
            return float(np.mean(cde_loss(self.grid, pdfs, z[judged])))

        return min((factor * silverman_bandwidth(z) for factor in _BANDWIDTHS), key=loss)

    def _pdf(self, features: Array, errors: Array) -> Array:
        X = self._inputs(features, errors)
        members = _membership(np.hstack([trees.leaves(X) for trees in self._ensembles]), self.arrays["sizes"])
        # an empty leaf has no say; of an object whose leaves are all empty nothing is known but the training redshifts
        histogram = ((members * (self._votes / np.maximum(self.arrays["counts"], 1))) @ self._sums).toarray()
        histogram[histogram.sum(axis=1) == 0] = self._sums.sum(axis=0)
        return histogram @ smoothing_matrix(self.grid, float(self.arrays["bandwidth"]))

    def save(self, folder: Path) -> None:
        super().save(folder)
        for number, trees in enumerate(self._ensembles):
            trees.save(Path(folder) / f"trees_{number}.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = super().load(folder)
        files = sorted(Path(folder).glob("trees_*.json"), key=lambda path: int(path.stem.split("_")[1]))
        model._ensembles = [AdaBoostR2.load(path) for path in files]
        found, expected = sum(len(trees.estimator_weights_) for trees in model._ensembles), len(model.arrays["votes"])
        if found != expected:
            raise InputError(
                f"{folder}: {found} trees in {len(files)} files; expected {expected}: is one missing?", "no-such-part"
            )
        return model


def _membership(leaves: Array, sizes: Array) -> sparse.csr_array:
    """Return which leaves, numbered through all trees, objects are in: shape (n, sum of sizes), ones and zeros.

    `leaves` (n, n_trees) numbers the leaves in each tree, `sizes` (n_trees,) counts them.
    """
    n, n_trees = leaves.shape
    columns = leaves + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rows = np.arange(0, n * n_trees + 1, n_trees)
    return sparse.csr_array((np.ones(n * n_trees), columns.ravel(), rows), shape=(n, int(np.sum(sizes))))
