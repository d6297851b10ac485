"""Attributions: they add up to the redshift, and lie where the light is."""

import numpy as np
import torch
from blobs import blob_cache, draw

from analysis.cnn_redshift.attribution import attributions, summary
from analysis.cnn_redshift.estimator import ImageRedshifts


def test_attributions_add_up_and_lie_on_the_galaxy():
    torch.set_num_threads(1)
    z, r = draw(120)
    model = ImageRedshifts(np.linspace(0, 0.7, 301), channels=[4], apertures=2, hidden=[8], epochs=4, least_steps=60)
    model.cache = blob_cache(z, r)
    rows = np.column_stack([np.arange(120), np.zeros(120)])
    model.validation = rows[100:], z[100:]
    model.fit(rows[:100], None, z[:100])

    found = attributions(model, rows[100:103], steps=300)
    stamps, reddening = model.images(rows[100:103])[torch.arange(3)]
    with torch.no_grad():
        centres = torch.tensor(model.grid)
        seen, empty = (model.masses(images, reddening) @ centres for images in (stamps, torch.zeros_like(stamps)))
    np.testing.assert_allclose(found.shares.sum(axis=(1, 2, 3)), (seen - empty).numpy(), atol=0.02)
    assert np.abs(found.gap).max() < 0.02
    of_light = summary(found, 0.396)
    # pixels twice as large: half as many lie within 2 arcsec
    assert summary(found, 0.792)["within_2_arcsec_percent"] < of_light["within_2_arcsec_percent"]
    np.testing.assert_allclose(sum(of_light[f"{band}_percent"] for band in "ugriz"), 100, rtol=1e-5)
    assert of_light["within_2_arcsec_percent"] < of_light["within_5_arcsec_percent"] <= 100.001
    area = np.pi * (2 / 0.396) ** 2 / 16**2  # of the stamp, within 2 arcsec
    assert of_light["within_2_arcsec_percent"] > 1.5 * 100 * area
