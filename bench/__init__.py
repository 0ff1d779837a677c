"""The measurements that the README quotes, with real parts; `edge-gate bench` runs them."""
