"""JaxPM's force and whole run, timed on demand for `bench nbody --peers`: run by the Python of an environment with it.

Reads lines `force SIDE` or `run SIDE STEPS` from standard input and answers each with the seconds it took; the first
call of each kind compiles, and is to be thrown away. The environment: pip install jaxpm==0.1.6 packaging
"""

import sys
import time
from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import jax_cosmo
from jaxpm.pm import linear_field, lpt, make_ode_fn, pm_forces

BOX, Z_START = 256.0, 9.0


@cache
def force(side: int) -> Callable:
    """Return a function that evaluates the force once on as many particles as cells, near their lattice."""
    axis = jnp.arange(side, dtype=jnp.float32)
    lattice = jnp.stack(jnp.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    positions = lattice + 2 * jax.random.normal(jax.random.PRNGKey(1), lattice.shape)
    evaluate = jax.jit(partial(pm_forces, mesh_shape=(side,) * 3))
    return lambda: evaluate(positions).block_until_ready()


@cache
def whole_run(side: int, steps: int) -> Callable:
    """Return a function that simulates a box: second-order displacements, then kicks and drifts with JaxPM's forces."""
    cosmology = jax_cosmo.Planck15()
    k = jnp.logspace(-4, 1.3, 256)
    power = jax_cosmo.power.linear_matter_power(jax_cosmo.Planck15(), k)  # it leaves a table that JaxPM cannot use
    axis = jnp.arange(side, dtype=jnp.float32)
    lattice = jnp.stack(jnp.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    slope = make_ode_fn((side,) * 3)
    nodes = jnp.linspace(1 / (1 + Z_START), 1.0, steps + 1)

    @jax.jit
    def simulate(seed):
        def spectrum(wanted):
            return jnp.interp(wanted.reshape(-1), k, power).reshape(wanted.shape)

        field = linear_field((side,) * 3, (BOX,) * 3, spectrum, seed)
        displacement, momentum, _ = lpt(cosmology, field, particles=lattice, a=nodes[0], order=2)
        x, p = lattice + displacement, momentum

        def step(state, ends):
            x, p, kick = state
            a, after = ends
            middle = (a + after) / 2
            p = p + kick * (middle - a)
            x = x + slope((x, p), middle, cosmology)[0] * (after - a)
            kick = slope((x, p), after, cosmology)[1]
            return (x, p + kick * (after - middle), kick), None

        start = (x, p, slope((x, p), nodes[0], cosmology)[1])
        return jax.lax.scan(step, start, (nodes[:-1], nodes[1:]))[0][0]

    return lambda: simulate(jax.random.PRNGKey(2)).block_until_ready()


def main() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        what, *numbers = line.split()
        call = {"force": force, "run": whole_run}[what](*map(int, numbers))
        started = time.perf_counter()
        call()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
