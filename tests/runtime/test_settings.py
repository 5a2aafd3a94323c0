"""Settings from the environment."""

from pathlib import Path

import pytest

from streams.settings import DESCRIPTIONS, BadSettingError, Settings, bootstrap_servers, describe, from_environment

TOKEN = "correct-horse-battery"
BROKER = {"SHIPCLOCK_BROKER": "kafka://localhost:9092"}
SECRET = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"


def test_only_the_broker_must_be_set() -> None:
    assert from_environment(BROKER) == Settings(broker="kafka://localhost:9092")


def test_every_variable_is_read() -> None:
    given = BROKER | {
        "SHIPCLOCK_APP_ID": "late",
        "SHIPCLOCK_TOPIC_PREFIX": "eu-",
        "SHIPCLOCK_PARTITIONS": "12",
        "SHIPCLOCK_PACKS": "joom, mine.yaml,",
        "SHIPCLOCK_CLOCK": "Event",
        "SHIPCLOCK_DATADIR": "/data",
        "SHIPCLOCK_MAX_SHOPS": "5",
        "SHIPCLOCK_MAX_ORDERS": "1000000000",
        "SHIPCLOCK_WEB_HOST": "0.0.0.0",
        "SHIPCLOCK_WEB_PORT": "0",
        "SHIPCLOCK_TOKEN": TOKEN,
        "SHIPCLOCK_LOG_LEVEL": "WARNING",
        "SHIPCLOCK_KAFKA_SECURITY": "sasl_ssl",
        "SHIPCLOCK_KAFKA_MECHANISM": "scram-sha-512",
        "SHIPCLOCK_KAFKA_USERNAME": "clock",
        "SHIPCLOCK_KAFKA_PASSWORD": "p",
        "SHIPCLOCK_KAFKA_CA": __file__,
        "SHIPCLOCK_ALERTMANAGER": "http://am:9093",
        "SHIPCLOCK_WEBHOOK": "https://example.org/hook",
        "SHIPCLOCK_WEBHOOK_SECRET": SECRET,
        "SHIPCLOCK_NOTIFY": "mailto://a:b@example.org?to=c,d\n tgram://token/id",
        "SHIPCLOCK_NOTIFY_EVERY": "5",
        "SHIPCLOCK_REDIS": "rediss://:p@redis:6380/1",
        "SHIPCLOCK_WAREHOUSES": __file__,
    }
    assert from_environment(given) == Settings(
        broker="kafka://localhost:9092",
        app_id="late",
        topic_prefix="eu-",
        partitions=12,
        packs=("joom", "mine.yaml"),
        clock="event",
        datadir=Path("/data"),
        max_shops=5,
        max_orders=1_000_000_000,
        web_host="0.0.0.0",
        web_port=0,
        token=TOKEN,
        log_level="warning",
        kafka_security="SASL_SSL",
        kafka_mechanism="SCRAM-SHA-512",
        kafka_username="clock",
        kafka_password="p",
        kafka_ca=Path(__file__),
        alertmanager="http://am:9093",
        webhook="https://example.org/hook",
        webhook_secret=b"k" * 24,
        notify=("mailto://a:b@example.org?to=c,d", "tgram://token/id"),
        notify_every=5,
        redis="rediss://:p@redis:6380/1",
        warehouses=Path(__file__),
    )


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert from_environment(BROKER | {"SHIPCLOCK_CLOCK": " ", "SHIPCLOCK_PARTITIONS": ""}).clock == "wall"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BROKER", "", "SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092"),
        ("BROKER", "http://localhost:9092", "SHIPCLOCK_BROKER=http://localhost:9092 is no broker"),
        ("BROKER", "kafka://a:9092,", "SHIPCLOCK_BROKER=kafka://a:9092, is no broker"),
        ("BROKER", "kafka://a:9092;b:9092", "is no broker"),
        ("BROKER", "kafka://a:port", "is no broker"),
        ("BROKER", "kafka://a:99999", "is no broker"),
        ("PARTITIONS", "0", "SHIPCLOCK_PARTITIONS=0 is no count from 1 to 10000"),
        ("PARTITIONS", "four", "SHIPCLOCK_PARTITIONS=four is no count"),
        ("PARTITIONS", "10001", "is no count"),
        ("CLOCK", "sun", "SHIPCLOCK_CLOCK=sun is none of wall, event"),
        ("WEB_PORT", "http", "SHIPCLOCK_WEB_PORT=http is no port from 0 to 65535"),
        ("WEB_PORT", "65536", "is no port"),
        ("WEB_HOST", "0.0.0.0", "opens the console to the network: set SHIPCLOCK_TOKEN or SHIPCLOCK_TOKEN_FILE"),
        ("WEB_HOST", "shipclock.example", "opens the console to the network"),
        ("TOKEN", "short", "SHIPCLOCK_TOKEN holds no good token: 16 or more ASCII characters"),
        ("TOKEN", "correct horse battery", "no spaces"),
        ("TOKEN_FILE", "/nowhere/token", "SHIPCLOCK_TOKEN_FILE=/nowhere/token: No such file"),
        ("LOG_LEVEL", "loud", "SHIPCLOCK_LOG_LEVEL=loud is none of debug, info, warning, error"),
        ("KAFKA_SECURITY", "TLS", "SHIPCLOCK_KAFKA_SECURITY=TLS is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("KAFKA_SECURITY", "SASL_SSL", "SASL needs SHIPCLOCK_KAFKA_USERNAME, and SHIPCLOCK_KAFKA_PASSWORD"),
        ("KAFKA_MECHANISM", "GSSAPI", "SHIPCLOCK_KAFKA_MECHANISM=GSSAPI is none of PLAIN, SCRAM-SHA-256"),
        ("KAFKA_CA", "/nowhere/ca.pem", "SHIPCLOCK_KAFKA_CA=/nowhere/ca.pem is no file"),
        ("KAFKA_PASSWORD_FILE", "/nowhere/it", "SHIPCLOCK_KAFKA_PASSWORD_FILE=/nowhere/it: No such file"),
        ("ALERTMANAGER", "localhost:9093", "SHIPCLOCK_ALERTMANAGER is no address that begins with http:// or https://"),
        ("WEBHOOK", "https://", "SHIPCLOCK_WEBHOOK is no address that begins with http:// or https://"),
        ("WEBHOOK", "https://example.org/hook", "SHIPCLOCK_WEBHOOK needs SHIPCLOCK_WEBHOOK_SECRET"),
        ("WEBHOOK_SECRET", "whsec_c2hvcnQ=", "SHIPCLOCK_WEBHOOK_SECRET is not whsec_ and 24 to 64 bytes in base64"),
        ("WEBHOOK_SECRET", "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw", "SHIPCLOCK_WEBHOOK_SECRET is not whsec_"),
        ("WEBHOOK_SECRET", "whsec_ä", "SHIPCLOCK_WEBHOOK_SECRET is not whsec_"),
        ("NOTIFY_EVERY", "0", "SHIPCLOCK_NOTIFY_EVERY=0 is no count"),
        ("MAX_ORDERS", "0", "SHIPCLOCK_MAX_ORDERS=0 is no count from 1 to 1000000000"),
        ("MAX_SHOPS", "many", "SHIPCLOCK_MAX_SHOPS=many is no count"),
        ("PUBLIC_URL", "shipclock.example", "SHIPCLOCK_PUBLIC_URL is no address that begins with http:// or https://"),
        ("REDIS", "http://localhost", "SHIPCLOCK_REDIS is no address that begins with redis:// or rediss://"),
        ("WAREHOUSES", "/nowhere.yaml", "SHIPCLOCK_WAREHOUSES=/nowhere.yaml is no file"),
    ],
)
def test_a_variable_that_is_wrong_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(BadSettingError, match="SHIPCLOCK_") as caught:
        from_environment(BROKER | {f"SHIPCLOCK_{name}": value})
    assert message in str(caught.value)


def test_a_token_comes_from_a_file_as_well(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    given = BROKER | {"SHIPCLOCK_TOKEN_FILE": str(file)}
    assert from_environment(given).token == TOKEN
    with pytest.raises(BadSettingError, match="both set"):
        from_environment(given | {"SHIPCLOCK_TOKEN": TOKEN})


def test_a_token_is_never_shown() -> None:
    assert TOKEN not in repr(from_environment(BROKER | {"SHIPCLOCK_TOKEN": TOKEN}))
    with pytest.raises(BadSettingError) as caught:
        from_environment(BROKER | {"SHIPCLOCK_TOKEN": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("SHIPCLOCK_WEBPORT", "; did you mean SHIPCLOCK_WEB_PORT? `shipclock worker --help` lists them all"),
        ("SHIPCLOCK_TOKENS_FILE", "; did you mean SHIPCLOCK_TOKEN_FILE?"),
        ("SHIPCLOCK_DATADIR_FILE", "SHIPCLOCK_DATADIR_FILE is no setting"),
        ("SHIPCLOCK_HTTP_PORT", "is no setting"),
        ("SHIPCLOCK_COLOUR", "is no setting; `shipclock worker --help` lists them all"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(variable: str, hint: str) -> None:
    with pytest.raises(BadSettingError) as caught:
        from_environment(BROKER | {variable: ""})
    assert f"{variable} is no setting" in str(caught.value) and hint in str(caught.value)


def test_what_kubernetes_sets_for_services_and_others_for_themselves_is_passed_over() -> None:
    links = {
        "SHIPCLOCK_SERVICE_HOST": "10.0.0.1",
        "SHIPCLOCK_SERVICE_PORT": "6066",
        "SHIPCLOCK_SERVICE_PORT_HTTP": "6066",
        "SHIPCLOCK_PORT": "tcp://10.0.0.1:6066",
        "SHIPCLOCK_PORT_6066_TCP": "tcp://10.0.0.1:6066",
        "SHIPCLOCK_PORT_6066_TCP_ADDR": "10.0.0.1",
        "SHIPCLOCK_RECEIVER_SERVICE_HOST": "10.0.0.2",
        "SHIPCLOCK_RECEIVER_PORT": "tcp://10.0.0.2:8080",
        "SHIPCLOCKS": "3",
    }
    assert from_environment(BROKER | links) == from_environment(BROKER)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    assert from_environment(BROKER | {"SHIPCLOCK_WEB_HOST": host}).token is None


@pytest.mark.parametrize(
    ("broker", "servers"),
    [
        ("kafka://localhost", ["localhost:9092"]),
        ("kafka://a:1234", ["a:1234"]),
        ("kafka://a:9092,b:9093, kafka://c", ["a:9092", "b:9093", "c:9092"]),
        ("10.0.0.1:9092", ["10.0.0.1:9092"]),
        ("kafka://[::1]:9092", ["[::1]:9092"]),
    ],
)
def test_brokers_are_written_in_several_ways(broker: str, servers: list[str]) -> None:
    assert bootstrap_servers(from_environment({"SHIPCLOCK_BROKER": broker})) == servers


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "notify"
    file.write_text("slack://a/b/c/\ntgram://token/id\n")
    assert from_environment(BROKER | {"SHIPCLOCK_NOTIFY_FILE": str(file)}).notify == (
        "slack://a/b/c/",
        "tgram://token/id",
    )


def test_a_secret_in_two_places_is_one_too_many(tmp_path: Path) -> None:
    given = {"SHIPCLOCK_REDIS": "redis://a", "SHIPCLOCK_REDIS_FILE": str(tmp_path / "redis")}
    with pytest.raises(BadSettingError, match="SHIPCLOCK_REDIS and SHIPCLOCK_REDIS_FILE are both set"):
        from_environment(BROKER | given)


def test_no_secret_is_ever_shown() -> None:
    given = {
        "SHIPCLOCK_KAFKA_PASSWORD": "hush",
        "SHIPCLOCK_ALERTMANAGER": "http://u:hush@am:9093",
        "SHIPCLOCK_WEBHOOK": "https://example.org/hook?key=hush",
        "SHIPCLOCK_WEBHOOK_SECRET": SECRET,
        "SHIPCLOCK_NOTIFY": "tgram://hush/id",
        "SHIPCLOCK_REDIS": "redis://:hush@redis",
    }
    shown = repr(from_environment(BROKER | given))
    assert "hush" not in shown and "kkkk" not in shown
    for name in ("ALERTMANAGER", "WEBHOOK", "REDIS"):
        with pytest.raises(BadSettingError) as caught:
            from_environment(BROKER | {f"SHIPCLOCK_{name}": "ftp://:hush@host"})
        assert "hush" not in str(caught.value)


def test_help_lists_every_variable() -> None:
    *listed, footnote = describe().splitlines()
    assert [line.split()[0] for line in listed] == [f"SHIPCLOCK_{name.upper()}" for name in DESCRIPTIONS]
    assert footnote == "* or its name with _FILE: a file that holds it"
