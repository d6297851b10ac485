"""Which objects the classifiers are given: stars and galaxies, distinct, those with stamps, split by patch of sky."""

import numpy as np
import pandas as pd
import pytest
from toy_sky import toy_catalogue

from analysis.errors import InputError
from analysis.star_galaxy.sample import labelled_objects, star_galaxy_sample
from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.stamps_file import Stamps, StampsWriter


def write(catalogue: pd.DataFrame, folder, with_stamps: int = 0) -> None:
    write_survey(catalogue.drop(columns="is_galaxy", errors="ignore"), folder, {"kind": "ingested"})
    if with_stamps:
        ids = catalogue["object_id"].to_numpy()[:with_stamps]
        with StampsWriter(folder / STAMPS, shape=(4, 4)) as writer:
            n = len(ids)
            writer.append(Stamps(np.zeros((n, 5, 4, 4), np.float32), ids, np.ones((n, 5)), np.ones((n, 5))))


def test_quasars_flagged_spectra_and_duplicates_are_no_part_of_the_sample():
    catalogue = toy_catalogue(60, seed=1).assign(redshift_warning=0)
    catalogue.loc[0, "class"] = "QSO"
    catalogue.loc[1, "class"] = None
    catalogue.loc[2, "redshift_warning"] = 4
    catalogue.loc[4, ["ra", "dec"]] = catalogue.loc[3, ["ra", "dec"]].to_numpy() + 0.1 / 3600
    objects, counts = labelled_objects(catalogue, "here")
    assert set(catalogue["object_id"]) - set(objects["object_id"]) == {1, 2, 3, 5}
    assert counts == {
        "n_galaxies": int(objects["is_galaxy"].sum()),
        "n_stars": int((objects["class"] == "STAR").sum()),
        "n_quasars": 1,
    }
    everything, _ = labelled_objects(catalogue, "here", ("STAR", "GALAXY", "QSO"))
    assert len(everything) == len(objects) + 1


def test_another_word_for_a_class_is_an_error_that_names_the_object():
    catalogue = toy_catalogue(10, seed=1)
    catalogue.loc[6, "class"] = "NEBULA"
    with pytest.raises(InputError, match=r"my/catalogue: class of object 7 is 'NEBULA'; expected GALAXY, STAR, QSO"):
        labelled_objects(catalogue, "my/catalogue")


def test_only_objects_with_stamps_are_compared_where_there_are_enough(tmp_path):
    catalogue = toy_catalogue(3000, seed=2)
    write(catalogue, tmp_path / "many", with_stamps=2000)
    objects, about = star_galaxy_sample(tmp_path / "many")
    assert set(objects["object_id"]) <= set(range(1, 2001))
    assert "no_stamps" not in about
    write(catalogue, tmp_path / "few", with_stamps=90)
    objects, about = star_galaxy_sample(tmp_path / "few")
    assert len(objects) > 2900
    assert "with a stamp" in about["no_stamps"]
    write(catalogue, tmp_path / "none")
    objects, about = star_galaxy_sample(tmp_path / "none")
    assert about["no_stamps"] == "the survey has no stamps"
    assert [about[f"n_{split}"] / len(objects) for split in ("train", "validation", "test")] == pytest.approx(
        [0.6, 0.2, 0.2], abs=0.03
    )
    assert about["split"].startswith("by ")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c[c["is_galaxy"]], "0 stars; 150 of each class are needed"),
        (lambda c: c[~c["is_galaxy"]], "0 galaxies; 150 of each class are needed"),
        (lambda c: c.drop(columns="class"), "0 stars and 0 galaxies; 150 of each class are needed"),
    ],
)
def test_a_survey_that_lacks_a_class_says_so(tmp_path, change, why):
    write(change(toy_catalogue(1000, seed=3)), tmp_path / "survey")
    objects, about = star_galaxy_sample(tmp_path / "survey")
    assert about["not_run"] == why
    assert objects.empty
