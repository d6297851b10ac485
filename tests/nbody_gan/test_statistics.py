"""Statistics of density grids against direct sums, analytic fields and particles."""

import itertools

import numpy as np
import pytest
import torch
from pair_counts import marked, two_point

from analysis.errors import InputError
from analysis.nbody_gan import names, statistics

SETTINGS = {
    "count_bins": 5,
    "peak_bins": 3,
    "marks": [(4, 10), (1, -1)],
    "mark_radius": 5.0,
    "moment_radii": (0, 5),
}


def boxes(number: int, n: int, seed: int = 1) -> torch.Tensor:
    """Clustered boxes of unit mean density: a smoothed exponential of white noise."""
    noise = torch.randn(number, n, n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    density = statistics.smooth(noise, 0.8).mul(5).exp()
    return density / density.mean(dim=(1, 2, 3), keepdim=True)


def pairs(field: np.ndarray) -> np.ndarray:
    """Mean of field(x) field(x + r) by shell of r, summed one lattice vector at a time."""
    n = len(field)
    sums, members = np.zeros(n), np.zeros(n)
    for vector in itertools.product(range(-n // 2, n // 2), repeat=3):
        shell = int(np.floor(np.linalg.norm(vector) + 0.5))
        if shell <= n // 2:
            sums[shell] += np.mean(field * np.roll(field, vector, axis=(0, 1, 2)))
            members[shell] += 1
    return (sums[1 : n // 2 + 1]) / members[1 : n // 2 + 1]


def test_correlation_functions_are_those_of_direct_summation() -> None:
    density = boxes(1, 6)
    contrast = density[0].numpy() - 1
    assert statistics.correlation_function(density)[0].numpy() == pytest.approx(pairs(contrast), rel=1e-10)

    mark = statistics.density_mark(statistics.smooth(density, 1.0).clamp_min(0), 4, 10)
    weighted = (density * mark)[0].numpy()
    expected = pairs(weighted / weighted.mean()) / pairs(contrast + 1)
    assert statistics.marked_correlation(density, 4, 10, 1.0)[0].numpy() == pytest.approx(expected, rel=1e-10)


def test_power_spectrum_of_direct_fourier_sums() -> None:
    n, cell = 6, 2.0
    density = boxes(1, n)
    x = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    sums, members = np.zeros(n), np.zeros(n)
    for k in itertools.product(range(-n // 2, n // 2), repeat=3):
        shell = int(np.floor(np.linalg.norm(k) + 0.5))
        if 0 < shell <= n // 2:
            mode = np.sum(density[0].numpy().ravel() * np.exp(-2j * np.pi * (x @ np.array(k)) / n))
            sums[shell] += abs(mode) ** 2 * cell**3 / n**3
            members[shell] += 1
    expected = sums[1 : n // 2 + 1] / members[1 : n // 2 + 1]
    assert statistics.power_spectrum(density, cell)[0].numpy() == pytest.approx(expected, rel=1e-10)


def test_power_of_white_noise_is_the_volume_of_a_cell() -> None:
    noise = torch.randn(300, 8, 8, 8, generator=torch.Generator().manual_seed(2))
    assert statistics.power_spectrum(1 + noise, 5.0).mean(0).numpy() == pytest.approx(125.0, rel=0.03)


def test_a_wave_has_its_power_at_its_wavenumber_and_its_correlation_function_is_its_cosine() -> None:
    n, cell = 16, 5.0
    x = torch.arange(n, dtype=torch.float64)
    density = (1 + 0.5 * torch.cos(2 * torch.pi * 3 * x / n)).expand(1, n, n, n)
    power = statistics.power_spectrum(density, cell)[0]
    assert power.argmax() == 2
    assert power[[0, 1, 3, 4]].abs().max() < 1e-9 * power[2]
    assert statistics.wavenumbers(n, cell)[0] == pytest.approx(2 * np.pi / 80 * (6 + 12 * 2**0.5) / 18)
    along = statistics._autocorrelation(density - 1)[0, 0, 0]
    assert along.numpy() == pytest.approx(0.125 * np.cos(2 * np.pi * 3 * np.arange(n) / n), abs=1e-12)


def test_statistics_do_not_change_under_shifts_and_symmetries_of_the_cube() -> None:
    density = boxes(3, 8)
    binning = statistics.choose_binning(density, 5.0, SETTINGS)
    before = statistics.measure(density, binning)
    after = statistics.measure(density.roll((1, 2, 5), (1, 2, 3)).permute(0, 3, 1, 2).flip(2), binning)
    for name in names.STATISTICS:
        assert after[name] == pytest.approx(before[name], rel=1e-9, abs=1e-12)


def test_bins_hold_equal_numbers_of_voxels_and_peaks() -> None:
    density = boxes(20, 8)
    binning = statistics.choose_binning(density, 5.0, SETTINGS)
    vectors = statistics.measure(density, binning)
    assert vectors[names.COUNTS].mean(0) == pytest.approx(1 / 6, rel=0.01)
    peaks = vectors[names.PEAKS].sum(0)
    assert peaks == pytest.approx(peaks.mean(), rel=0.1)


def test_peaks_are_the_cells_that_were_raised() -> None:
    density = torch.ones(1, 8, 8, 8)
    for place, height in {(0, 0, 0): 5.0, (4, 4, 4): 3.0, (4, 4, 5): 2.0}.items():  # the last has a higher neighbour
        density[0][place] = height
    assert statistics.is_peak(density).nonzero()[:, 1:].tolist() == [[0, 0, 0], [4, 4, 4]]
    assert statistics.peak_counts(density, (2.0, 4.0)).tolist() == [[1.0, 1.0]]
    assert not statistics.is_peak(torch.ones(1, 8, 8, 8)).any()


def test_moments_of_known_distributions() -> None:
    generator = torch.Generator().manual_seed(3)
    exponential = -torch.rand(50, 16, 16, 16, generator=generator, dtype=torch.float64).log()
    assert statistics.moments(exponential).mean(0).tolist() == pytest.approx([1.0, 2.0, 6.0], rel=0.05)
    normal = torch.randn(50, 16, 16, 16, generator=generator)
    assert statistics.moments(normal).mean(0).tolist() == pytest.approx([1.0, 0.0, 0.0], abs=0.02)


def test_marks_without_surroundings_leave_no_trace() -> None:
    density = boxes(2, 8)
    assert statistics.marked_correlation(density, 1.0, 0.0, 1.0).numpy() == pytest.approx(1.0)
    upweighted = statistics.marked_correlation(density, 1.0, -1.0, 1.0)[:, 0]
    downweighted = statistics.marked_correlation(density, 1.0, 1.0, 1.0)[:, 0]
    assert (upweighted > 1).all()
    assert (downweighted < 1).all()


@pytest.mark.parametrize("density", [torch.ones(2, 8, 8, 4), torch.full((2, 8, 8, 8), torch.nan), torch.ones(8, 8, 8)])
def test_what_is_no_box_is_refused(density: torch.Tensor) -> None:
    binning = statistics.choose_binning(boxes(2, 8), 5.0, SETTINGS)
    with pytest.raises(InputError, match="density"):
        statistics.measure(density, binning)


def clustered_particles(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Particles about 40 centres in a box of 100 Mpc/h, marked by how far from their centre they are."""
    generator = np.random.default_rng(seed)
    offsets = generator.normal(0, 4, (40, 50, 3))
    positions = (generator.uniform(0, 100, (40, 1, 3)) + offsets) % 100
    return positions.reshape(-1, 3), np.exp(-np.linalg.norm(offsets, axis=2) / 4).ravel()


def test_pair_counts_are_those_of_treecorr() -> None:
    treecorr = pytest.importorskip("treecorr")
    positions, marks = clustered_particles(1)
    edges = np.linspace(2, 32, 7)
    options = {"min_sep": 2, "max_sep": 32, "nbins": 6, "bin_type": "Linear", "bin_slop": 0, "angle_slop": 0}
    options |= {"period": 100, "metric": "Periodic"}
    counts = {}
    for name, weights in {"plain": None, "marked": marks / marks.mean()}.items():
        catalogue = treecorr.Catalog(x=positions[:, 0], y=positions[:, 1], z=positions[:, 2], w=weights)
        pairs_of = treecorr.NNCorrelation(**options)
        pairs_of.process(catalogue)
        counts[name] = pairs_of.weight
    assert marked(positions, marks, edges, 100.0) == pytest.approx(counts["marked"] / counts["plain"], rel=1e-6)
    volume = 4 / 3 * np.pi * np.diff(edges**3) / 100**3
    expected = 2 * counts["plain"] / (2000 * 1999 * volume) - 1
    assert two_point(positions, edges, 100.0) == pytest.approx(expected, rel=1e-6)


def test_the_grid_version_is_that_of_pairs_of_particles() -> None:
    positions, _ = clustered_particles(2)
    n, box = 50, 100.0
    cells = (positions / (box / n)).astype(int)
    grid = np.zeros((n, n, n))
    np.add.at(grid, tuple(cells.T), 1)
    edges = (np.arange(3, 10) + 0.5) * box / n
    ours = statistics.correlation_function(torch.from_numpy(grid[None] / grid.mean()))[0].numpy()
    at_centres = two_point(positions, edges, box)
    assert ours[3:9] == pytest.approx(at_centres, rel=0.1, abs=0.2)
    with pytest.raises(InputError, match="separations"):
        two_point(positions, np.array([1.0, 60.0]), box)
    with pytest.raises(InputError, match="particle 0"):
        two_point(positions - 100, edges, box)
