"""The cluster's certificates: who may prove to be whom."""

from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.kubeconfigs import COMPONENTS, write_kubeconfigs
from local.pki import certificates, make_certificates

NODE = "node-1"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    make_certificates(folder, NODE)
    return folder


def read(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


@pytest.mark.parametrize("wanted", certificates(NODE), ids=lambda wanted: wanted.name)
def test_each_is_signed_by_its_own_authority(pki: Path, wanted: object) -> None:
    from local.pki import Certificate

    assert isinstance(wanted, Certificate)
    certificate = read(pki, wanted.name)
    certificate.verify_directly_issued_by(read(pki, wanted.authority))
    other = "ca" if wanted.authority == "etcd-ca" else "etcd-ca"
    with pytest.raises(ValueError, match="Issuer certificate subject"):
        certificate.verify_directly_issued_by(read(pki, other))
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert tuple(usages) == wanted.usages
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_kubelet_is_a_node_and_nothing_more(pki: Path) -> None:
    subject = read(pki, "kubelet").subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == f"system:node:{NODE}"
    assert [entry.value for entry in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]


def test_only_one_client_is_a_master(pki: Path) -> None:
    clients = [wanted for wanted in certificates(NODE) if ExtendedKeyUsageOID.CLIENT_AUTH in wanted.usages]
    assert [wanted.name for wanted in clients if wanted.group == "system:masters"] == ["admin"]


def test_keys_are_for_their_owner_alone(pki: Path) -> None:
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in pki.glob("*.key")} == {
        path.name: "0o600" for path in pki.glob("*.key")
    }


def test_making_them_again_changes_nothing_and_fills_gaps(pki: Path) -> None:
    (pki / "admin.crt").unlink()
    before = {path.name: path.read_bytes() for path in pki.iterdir()}
    make_certificates(pki, NODE)
    after = {path.name: path.read_bytes() for path in pki.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {"admin.crt", "admin.key"}


def test_every_component_has_a_kubeconfig_of_its_own(pki: Path, tmp_path: Path) -> None:
    admin = tmp_path / "home" / "kubeconfig"
    write_kubeconfigs(pki, admin)
    paths = [admin, *(pki / f"{name}.kubeconfig" for name in COMPONENTS if name != "admin")]
    keys = {yaml.safe_load(path.read_text())["users"][0]["user"]["client-key-data"] for path in paths}
    assert len(keys) == len(COMPONENTS)
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
