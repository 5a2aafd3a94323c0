"""HTTP: the API, the console, health and metrics, served from inside the worker's process."""
