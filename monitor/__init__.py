"""The monitoring room: it talks MQTT and of the node knows its events, `edge.seal` and `edge.mqtt` alone."""
