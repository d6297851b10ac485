"""The trained, calibrated models, applied to a catalogue of any size."""
