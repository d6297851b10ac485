"""Cloud-in-cell against a loop over particles; the force against its exact value, and as an adjoint."""

import math

import numpy as np
import pytest
import torch

from analysis.nbody_gan import mesh


def positions(boxes: int, particles: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(boxes, particles, 3, generator=torch.Generator().manual_seed(seed))


def paint_one_by_one(places: np.ndarray, cells: int) -> np.ndarray:
    grid = np.zeros((cells,) * 3)
    for place in places * cells:
        low = np.floor(place).astype(int)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, place - low, 1 - (place - low)))
            grid[tuple((low + corner) % cells)] += weight
    return grid * cells**3 / len(places)


@pytest.mark.parametrize("cells", [4, 6])
def test_painting_is_cloud_in_cell(cells: int) -> None:
    x = positions(2, 60)
    for box, painted in zip(x, mesh.paint(x, cells), strict=True):
        np.testing.assert_allclose(painted, paint_one_by_one(box.double().numpy(), cells), atol=2e-5)


def test_painting_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = positions(2, 64)
    whole = mesh.paint(x, 8), mesh.read(torch.stack([mesh.paint(x, 8)], 1), x)
    monkeypatch.setattr(mesh, "_THREADED", 64)
    parts = mesh.paint(x, 8), mesh.read(torch.stack([mesh.paint(x, 8)], 1), x)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b)


def test_mass_is_conserved_and_boxes_are_periodic() -> None:
    x = positions(1, 100)
    painted = mesh.paint(x, 8)
    assert painted.mean().item() == pytest.approx(1.0, abs=1e-6)
    torch.testing.assert_close(mesh.paint(x + 3, 8), painted, atol=1e-4, rtol=0)
    torch.testing.assert_close(mesh.paint(x - 0.25, 8), painted.roll((-2, -2, -2), (1, 2, 3)), atol=1e-4, rtol=0)


def test_reading_is_the_adjoint_of_painting() -> None:
    x, field = positions(1, 50), torch.randn(1, 1, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    read = mesh.read(field, x).sum() * 8**3 / 50
    assert (mesh.paint(x, 8) * field[:, 0]).sum().item() == pytest.approx(read.item(), rel=1e-4)


def test_particles_on_mesh_points_read_the_mesh() -> None:
    axis = torch.arange(8) / 8
    lattice = torch.cartesian_prod(axis, axis, axis)[None]
    field = torch.randn(1, 3, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(mesh.read(field, lattice), field.flatten(2).transpose(1, 2), atol=1e-5, rtol=0)


def test_force_of_a_plane_wave() -> None:
    axis = (torch.arange(64) + 0.5) / 64  # off the mesh points, where clouds have a kink
    lattice = torch.cartesian_prod(axis, axis, axis)[None]
    moved = lattice.clone()
    moved[..., 1] += 0.001 * torch.sin(2 * math.pi * lattice[..., 1])  # a density contrast of -0.001 2 pi cos
    expected = torch.zeros_like(lattice)
    expected[..., 1] = 0.001 * torch.sin(2 * math.pi * lattice[..., 1])
    torch.testing.assert_close(mesh.force(moved, 64, 0.7), expected, atol=2e-5, rtol=0)


def test_forces_add_up_to_nothing() -> None:
    x = positions(2, 1000, seed=5)
    pull = mesh.force(x, 16, 0.7).double()
    assert pull.sum(1).abs().max() < 1e-5 * pull.norm(dim=-1).sum(1).max()


def test_two_particles_attract_each_other_along_their_line() -> None:
    x = torch.tensor([[[0.4, 0.5, 0.5], [0.6, 0.5, 0.5]]])
    pull = mesh.force(x, 32, 0.7)[0]
    assert pull[0, 0] > 0 > pull[1, 0]
    assert pull[:, 1:].abs().max() < 1e-3 * pull[0, 0]


def test_force_falls_as_the_square_of_the_distance() -> None:
    # div s = -delta: half of the mass at a distance r pulls with 0.5 / (4 pi r^2), its share of the background
    # with r / 6 the other way; over places and directions, since a mesh has axes
    generator = torch.Generator().manual_seed(0)
    first, direction = torch.rand(60, 3, generator=generator), torch.randn(60, 3, generator=generator)
    direction /= direction.norm(dim=1, keepdim=True)
    for distance in (5 / 64, 8 / 64, 12 / 64):
        pairs = torch.stack([first, first + distance * direction], 1)
        pull = torch.cat([mesh.force(some, 64, 0.7)[:, 0] for some in pairs.split(10)])
        along = (pull * direction).sum(1).mean().item()
        assert along == pytest.approx(0.5 / (4 * math.pi * distance**2) - distance / 6, rel=0.02)


def test_deconvolution_gives_the_modes_of_a_point_mass() -> None:
    place = torch.tensor([[[0.31, 0.42, 0.73]]])
    modes = torch.fft.fftn(mesh.deconvolved(mesh.paint(place, 32))[0]) / 32**3
    for number in [(1, 0, 0), (0, 2, 0), (1, -1, 2)]:
        phase = -2 * math.pi * sum(k * x for k, x in zip(number, place[0, 0].tolist(), strict=True))
        expected = complex(math.cos(phase), math.sin(phase))
        assert abs(complex(modes[number]) - expected) < 0.01  # aliasing is left: (k / (cells - k))^2


def test_exact_painting_is_painting_in_any_order() -> None:
    """In whole numbers nothing depends on the order of particles: what a GPU needs to give the same bits each time."""
    positions = torch.rand(2, 5000, 3, generator=torch.Generator().manual_seed(1)) * 3 - 1
    positions[0, 0], positions[0, 1] = 1.0 - 1e-8, -1e-9  # at the ends of the box
    exact = mesh.paint(positions, 12, exact=True)
    torch.testing.assert_close(exact, mesh.paint(positions, 12), rtol=1e-5, atol=1e-4)
    assert torch.equal(exact, mesh.paint(positions.flip(1), 12, exact=True))
    assert exact.mean((1, 2, 3)).tolist() == pytest.approx([1, 1], abs=1e-6)
