"""The paper: numbers and tables made from results (`pages`), HTML and PDF made from those (`render`)."""
