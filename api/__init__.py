"""The HTTP API: the spec's nine services as routers, served alone on their own port or together on 8000."""

API_VERSION = "0.1.0"
