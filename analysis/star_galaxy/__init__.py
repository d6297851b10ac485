"""Star-galaxy separation: Kim & Brunner (2017, MNRAS 464, 4463) and Soumagnac et al. (2015, MNRAS 450, 666)."""
