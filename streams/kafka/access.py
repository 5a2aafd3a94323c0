"""Login to Kafka (TLS, SASL), as each of the three client libraries is configured."""

import ssl
from typing import Any

import faust
from faust.types.auth import CredentialsT

from streams.settings import Settings


def for_faust(settings: Settings) -> CredentialsT | None:
    """`broker_credentials` of the app."""
    context = _context(settings)
    if settings.kafka_security.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password,
            mechanism=settings.kafka_mechanism,
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


def for_aiokafka(settings: Settings) -> dict[str, Any]:
    """Arguments of a consumer or producer."""
    options: dict[str, Any] = {"security_protocol": settings.kafka_security, "ssl_context": _context(settings)}
    if settings.kafka_security.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password,
        }
    return options


def for_librdkafka(settings: Settings) -> dict[str, str]:
    """Configuration of a confluent-kafka client."""
    options: dict[str, str] = {"security.protocol": settings.kafka_security}
    if settings.kafka_security.startswith("SASL"):
        options |= {
            "sasl.mechanism": settings.kafka_mechanism,
            "sasl.username": settings.kafka_username or "",
            "sasl.password": settings.kafka_password or "",
        }
    if settings.kafka_ca is not None:
        options["ssl.ca.location"] = str(settings.kafka_ca)
    return options


def _context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.kafka_security.endswith("SSL"):
        return None
    return ssl.create_default_context(cafile=settings.kafka_ca)
