"""edge-gate: a door controller that recognises the people who enrolled."""

__version__ = "0.1.0"
