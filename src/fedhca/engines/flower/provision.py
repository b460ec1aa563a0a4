"""Certificate and keys: the server proves itself by a certificate, each site by a key that the server knows."""

import datetime
import ipaddress
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedhca.engines.server_folder import ServerFolder
from fedhca.storage.atomic import write_atomically

VALID = datetime.timedelta(days=360)
AUTHORITY, CERTIFICATE, KEY, PUBLIC, ADDRESS = "ca.pem", "server.pem", "server.key", "{site}.pub", "address.json"
SITE_KEY = "site.key"


def provision_flower(federation: ServerFolder) -> dict[str, Path]:
    """Make keys and certificates; return the folder with each site's own.

    The key that signs is written nowhere: new certificates are made with a new one.
    """
    place, facts = federation.engine, federation.facts
    place.mkdir(mode=0o700, parents=True, exist_ok=True)  # before any key is written
    authority_key, authority = _authority()
    key, certificate = _certificate(facts.host, authority_key, authority)
    _write(place / "server" / KEY, _private(key))
    _write(place / "server" / CERTIFICATE, certificate.public_bytes(Encoding.PEM))
    _write(place / "server" / AUTHORITY, authority.public_bytes(Encoding.PEM))
    address = json.dumps({"host": facts.host, "port": facts.port}).encode()
    for site in facts.sites:
        own = ec.generate_private_key(ec.SECP384R1())
        public = own.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        _write(place / "server" / "sites" / PUBLIC.format(site=site), public)
        _write(place / "parts" / site / SITE_KEY, _private(own, PrivateFormat.OpenSSH))
        _write(place / "parts" / site / AUTHORITY, authority.public_bytes(Encoding.PEM))
        _write(place / "parts" / site / ADDRESS, address)
    return {site: place / "parts" / site for site in facts.sites}


def _authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedhca federation")])
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = dict.fromkeys((*uses, "encipher_only", "decipher_only"), False)
    usage = x509.KeyUsage(key_cert_sign=True, crl_sign=True, **others)
    made = (
        _begun(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, made.sign(key, hashes.SHA384())


def _certificate(
    host: str, authority_key: ec.EllipticCurvePrivateKey, authority: x509.Certificate
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Make the server's, for its name and for this machine, on which the server's own processes talk to each other."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedhca server")])  # a host may be longer than 64 letters
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")), _alternative(host)]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    made = (
        _begun(name, authority.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(list(dict.fromkeys(alternatives))), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
    )
    return key, made.sign(authority_key, hashes.SHA384())


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + VALID)
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def _write(path: Path, data: bytes) -> None:
    write_atomically(path, data)
    path.chmod(0o600)
    path.parent.chmod(0o700)
