"""Where figures, tables and numbers come from: the pipeline as it is declared, and a record for each file made."""
