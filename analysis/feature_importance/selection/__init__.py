"""Feature importance in depth: controls, stability, selection (MINT), and the lecture's comparison of learners."""
