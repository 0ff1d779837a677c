"""The monitoring room: it talks MQTT and imports `edge.events`, `edge.errors` and `edge.seal`, nothing else of the node."""
