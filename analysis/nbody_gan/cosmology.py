"""Flat LCDM: growth of structure at first and second order, and the power spectra of CAMB."""

import math
from dataclasses import astuple, dataclass, fields
from functools import cache, cached_property

import numpy as np

from analysis.errors import InputError

Array = np.ndarray

_A_FIRST = 1e-3  # scale factor where the growth equations start, deep in matter domination
_K_MAX = 20.0  # h/Mpc, of the spectra asked of CAMB
_N_K = 600


@dataclass(frozen=True)
class Cosmology:
    """Parameters of a flat universe of cold matter, massless neutrinos and a cosmological constant.

    Attributes
    ----------
    omega_m, omega_b : float
        Densities of all matter and of baryons today, in units of the critical one.
    h : float
        Hubble constant in units of 100 km/s/Mpc.
    sigma8 : float
        Linear rms of the density contrast today in spheres of 8 Mpc/h.
    n_s : float
        Index of the primordial spectrum.

    Raises
    ------
    InputError
        If a parameter is not finite or not positive, or there are more baryons than matter, or more matter than all.
    """

    omega_m: float
    omega_b: float
    h: float
    sigma8: float
    n_s: float

    def __post_init__(self) -> None:
        for field, value in zip(fields(self), astuple(self), strict=True):
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"cosmology: {field.name} is {value}; expected a positive number")
        if not self.omega_b < self.omega_m <= 1:
            raise InputError(
                f"cosmology: omega_b {self.omega_b}, omega_m {self.omega_m}; expected omega_b < omega_m <= 1"
            )

    def expansion(self, a: Array | float) -> Array:
        """Return E(a) = H(a) / H0, without radiation."""
        return np.sqrt(self.omega_m * np.asarray(a) ** -3.0 + 1 - self.omega_m)

    @cached_property
    def _growth(self):
        """Solve both growth equations once: (D1, dD1/dln a, D2, dD2/dln a) as functions of ln a, not normalised."""
        from scipy.integrate import solve_ivp

        def derivatives(ln_a: float, y: Array) -> list[float]:
            omega = self.omega_m * math.exp(-3 * ln_a) / float(self.expansion(math.exp(ln_a))) ** 2
            friction = 2 - 1.5 * omega  # 2 + dlnH/dlna
            first, d_first, second, d_second = y
            return [
                d_first,
                1.5 * omega * first - friction * d_first,
                d_second,
                1.5 * omega * (second - first**2) - friction * d_second,
            ]

        a = _A_FIRST
        start = [a, a, -3 / 7 * a**2, -6 / 7 * a**2]  # of an Einstein-de Sitter universe
        return solve_ivp(derivatives, (math.log(a), 0), start, dense_output=True, rtol=1e-8, atol=1e-12).sol

    def growth(self, a: float) -> float:
        """Return the linear growth factor D1(a), 1 today."""
        return float(self._growth(math.log(a))[0] / self._growth(0.0)[0])

    def second_growth(self, a: float) -> float:
        """Return the growth factor D2(a) of second-order displacements, about -3/7 D1^2 (Bouchet et al. 1995)."""
        return float(self._growth(math.log(a))[2] / self._growth(0.0)[0] ** 2)

    def momentum_growth(self, a: float) -> float:
        """Return a^3 E dD1/da, the momentum a^2 dx/dt of a particle per H0 and unit of linear displacement today."""
        return float(a**2 * self.expansion(a) * self._growth(math.log(a))[1] / self._growth(0.0)[0])

    def second_momentum_growth(self, a: float) -> float:
        """Return a^3 E dD2/da, the same for second-order displacements."""
        return float(a**2 * self.expansion(a) * self._growth(math.log(a))[3] / self._growth(0.0)[0] ** 2)


class PowerSpectrum:
    """A power spectrum given on a table, a power law between two of its points.

    Parameters
    ----------
    k : ndarray, shape (n,)
        Wavenumbers in h/Mpc, ascending.
    power : ndarray, shape (n,)
        P(k) in (Mpc/h)^3.

    Raises
    ------
    InputError
        If the table is not of that form: not finite, not positive, not ascending, fewer than two rows.
    """

    def __init__(self, k: Array, power: Array) -> None:
        k, power = np.asarray(k, float), np.asarray(power, float)
        if k.ndim != 1 or k.shape != power.shape or len(k) < 2:
            raise InputError(f"power spectrum: shapes {k.shape} and {power.shape}; expected two equal columns")
        for name, column in {"k": k, "P(k)": power}.items():
            if bad := np.flatnonzero(~(np.isfinite(column) & (column > 0))).tolist():
                raise InputError(f"power spectrum: {name} in row {bad[0]} is {column[bad[0]]}; expected above zero")
        if bad := np.flatnonzero(np.diff(k) <= 0).tolist():
            raise InputError(f"power spectrum: k does not rise after row {bad[0]} ({k[bad[0]]} h/Mpc)")
        self.k, self.power = k, power

    def __call__(self, k: Array) -> Array:
        """Return P(k) in (Mpc/h)^3.

        Raises
        ------
        InputError
            If a wavenumber lies outside of the table: nothing is extrapolated.
        """
        k = np.asarray(k, float)
        if k.min() < self.k[0] or k.max() > self.k[-1]:
            covered, wanted = f"{self.k[0]:.4g} to {self.k[-1]:.4g}", f"{k.min():.4g} to {k.max():.4g}"
            raise InputError(f"power spectrum: covers k from {covered} h/Mpc; the box has modes from {wanted}")
        return np.exp(np.interp(np.log(k), np.log(self.k), np.log(self.power)))


@cache
def linear_power(cosmology: Cosmology) -> PowerSpectrum:
    """Return the linear spectrum of matter today, by CAMB (Lewis, Challinor & Lasenby 2000), scaled to sigma8."""
    return _camb(cosmology, 0.0, halofit=False)


@cache
def halofit_power(cosmology: Cosmology, redshift: float) -> PowerSpectrum:
    """Return the non-linear spectrum of matter, by CAMB's halofit in the version of Takahashi et al. (2012)."""
    return _camb(cosmology, redshift, halofit=True)


def _camb(cosmology: Cosmology, redshift: float, halofit: bool) -> PowerSpectrum:
    """Run CAMB twice: the amplitude that gives sigma8 today is known after the first run."""
    import camb

    h2 = cosmology.h**2
    amplitude = 2e-9
    for _ in range(2):
        parameters = camb.set_params(
            H0=100 * cosmology.h,
            ombh2=cosmology.omega_b * h2,
            omch2=(cosmology.omega_m - cosmology.omega_b) * h2,
            mnu=0.0,
            omk=0.0,
            As=amplitude,
            ns=cosmology.n_s,
            halofit_version="takahashi",
        )
        parameters.set_matter_power(redshifts=sorted({0.0, redshift}), kmax=_K_MAX, silent=True)
        parameters.NonLinear = camb.model.NonLinear_pk if halofit else camb.model.NonLinear_none
        results = camb.get_results(parameters)
        amplitude *= (cosmology.sigma8 / results.get_sigma8_0()) ** 2
    k, redshifts, power = results.get_matter_power_spectrum(minkh=1e-4, maxkh=0.9 * _K_MAX, npoints=_N_K)
    return PowerSpectrum(k, power[list(redshifts).index(redshift)])
