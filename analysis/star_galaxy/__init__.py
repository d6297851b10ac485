"""Kim & Brunner (2017) and Soumagnac et al. (2015): stars from galaxies, by catalogue features and by pixels."""
