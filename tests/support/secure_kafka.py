"""A real Kafka that asks who is there: listeners with TLS, with SASL, and with both, beside a plain one for tests."""

import shutil
import subprocess
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from tests.support.kafka import _JarNode, _jars
from tests.support.ports import free_ports

USER = "shipclock"
PASSWORD = "not a secret"


class SecureKafka(_JarNode):
    """A context manager. `scram` is SASL_SSL, `plain` SASL_PLAINTEXT, `tls` SSL; `ca` is the file to trust. Raises
    KafkaUnavailableError."""

    def __init__(self) -> None:
        super().__init__(_jars(), None)
        self.scram, self.plain, self.tls = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.ca = self._home / "ca.pem"
        keys = self._home / "server.pem"
        _make_certificate(self.ca, keys)
        listeners = f"PLAINTEXT://{self.bootstrap},SCRAM://{self.scram},PLAIN://{self.plain},TLS://{self.tls}"
        plain_login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        controller = self._written()["listeners"].split(",")[1]
        self._add(
            **{
                "listeners": f"{listeners},{controller}",
                "advertised.listeners": listeners,
                "listener.security.protocol.map": (
                    "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,PLAIN:SASL_PLAINTEXT,TLS:SSL"
                ),
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(keys),
                "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
                "listener.name.plain.plain.sasl.jaas.config": plain_login,
            }
        )

    def _written(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._properties.read_text().splitlines())

    def _add(self, **settings: str) -> None:
        written = self._written() | settings
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in written.items()))

    def _format(self) -> None:
        scram = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        tool = self._java("kafka.tools.StorageTool", "format", "--cluster-id", "c" * 22, *scram)
        done = subprocess.run([*tool, "--config", str(self._properties)], capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(self._home, ignore_errors=True)
            raise RuntimeError(f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}")


def _make_certificate(ca_file: Path, keys: Path) -> None:
    ca = trustme.CA()
    server = ca.issue_cert("127.0.0.1", "localhost")
    ca.cert_pem.write_to_path(str(ca_file))
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # the one form Kafka reads
    keys.write_bytes(pem + b"".join(blob.bytes() for blob in server.cert_chain_pems))


class GuardedKafka(SecureKafka):
    """One with an authorizer. Its `plain` listener knows `users`, who may do nothing until they are granted it; the
    plain one for tests may do everything."""

    def __init__(self, *users: str) -> None:
        super().__init__()
        log_ins = " ".join(f'user_{user}="{PASSWORD}"' for user in users)
        self._add(
            **{
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                "listener.name.plain.plain.sasl.jaas.config": (
                    f"org.apache.kafka.common.security.plain.PlainLoginModule required {log_ins};"
                ),
            }
        )
