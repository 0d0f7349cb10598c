"""The cluster's certificates: its own authorities, one certificate a component, nothing shared.

Names and groups follow Kubernetes' "PKI certificates and requirements". etcd has an authority
of its own, so that no client of the API can speak to it.
"""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.network import API_SERVICE, CLUSTER_DOMAIN, NODE_ADDRESS

_LIFETIME = datetime.timedelta(days=3650)
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Certificate:
    """What one certificate says.

    ``name`` is the file's, ``authority`` the one that signs it; ``user`` and ``group`` are
    what Kubernetes reads out of a client's certificate.
    """

    name: str
    authority: str
    user: str
    group: str | None = None
    usages: tuple[x509.ObjectIdentifier, ...] = (_CLIENT,)
    hosts: tuple[str, ...] = ()


def certificates(node_name: str) -> tuple[Certificate, ...]:
    """Every certificate of the cluster."""
    api_hosts = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
        "localhost",
        "127.0.0.1",
        API_SERVICE,
        NODE_ADDRESS,
    )
    return (
        Certificate("etcd", "etcd-ca", "etcd", usages=(_SERVER, _CLIENT), hosts=("127.0.0.1", "localhost")),
        Certificate("etcd-client", "etcd-ca", "kube-apiserver"),
        Certificate("apiserver", "ca", "kube-apiserver", usages=(_SERVER,), hosts=api_hosts),
        Certificate("apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client", "modelyard:kubelet-api"),
        Certificate("kubelet-server", "ca", node_name, usages=(_SERVER,), hosts=(node_name, NODE_ADDRESS)),
        Certificate("admin", "ca", "modelyard-admin", "system:masters"),
        Certificate("kube-controller-manager", "ca", "system:kube-controller-manager"),
        Certificate("kube-scheduler", "ca", "system:kube-scheduler"),
        Certificate("kube-proxy", "ca", "system:kube-proxy"),
        Certificate("kubelet", "ca", f"system:node:{node_name}", "system:nodes"),
    )


def make_certificates(folder: Path, node_name: str) -> None:
    """Write ``<name>.crt`` and ``<name>.key`` of every authority and certificate that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for authority in ("ca", "etcd-ca"):
        if not (folder / f"{authority}.crt").exists():
            _make_authority(folder, authority)
    for certificate in certificates(node_name):
        if not (folder / f"{certificate.name}.crt").exists():
            _make_certificate(folder, certificate)
    if not (folder / "service-account.pub").exists():
        _make_service_account_key(folder)


def _make_authority(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"modelyard {name}")
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder, name, key, certificate)


def _make_certificate(folder: Path, wanted: Certificate) -> None:
    authority = x509.load_pem_x509_certificate((folder / f"{wanted.authority}.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / f"{wanted.authority}.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - for the type checker: written above
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_subject(wanted.user, wanted.group), authority.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(wanted.usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if wanted.hosts:
        builder = builder.add_extension(_alternative_names(wanted.hosts), critical=False)
    _write(folder, wanted.name, key, builder.sign(signer, hashes.SHA256()))


def _make_service_account_key(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(folder / "service-account.key", key)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "service-account.pub").write_bytes(public)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A clock that was set back a little must not make a new cluster's certificates invalid.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _subject(name: str, group: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    _write_key(folder / f"{name}.key", key)
    # The certificate is written last and whole: its presence means that both are there.
    partial = folder / f"{name}.crt.partial"
    partial.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    partial.rename(folder / f"{name}.crt")


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
