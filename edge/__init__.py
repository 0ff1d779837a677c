"""edge-gate: a door controller that recognises the people who enrolled."""

import os

__version__ = "0.1.0"

# Said before numpy is loaded, or it is not heard: a second BLAS thread gains nothing on a search that is bound by
# memory, and spins for 20 ms of CPU after each of them (measured: 22 ms a search of 10,000 people, 1.9 ms without).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Said before ONNX Runtime is loaded: its import alone makes up a device id and a database of what to send, in the home
# directory, and begins a thread for it; its own function to turn that off comes after (onnxruntime 1.32).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
