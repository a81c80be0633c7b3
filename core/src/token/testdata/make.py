"""Makes the certificates of this folder, and prints what the tests expect of its keys.

Needs Python's `cryptography`, and shares no code with the program: the key ids below are computed a second time here.
Run in this folder: `python3 make.py`. The keys themselves were made once with openssl, see README.md.
"""

import base64
import hashlib
import json
from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID


def load(name):
    with open(name + ".pem", "rb") as file:
        return serialization.load_pem_private_key(file.read(), None)


def url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def libtrust(public):
    text = base64.b32encode(hashlib.sha256(spki(public)).digest()[:30]).decode()
    return ":".join(text[at : at + 4] for at in range(0, 48, 4))


def thumbprint(public):
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers, size = public.public_numbers(), (public.key_size + 7) // 8
        members = {
            "crv": "P-%d" % public.key_size,
            "kty": "EC",
            "x": number(numbers.x, size),
            "y": number(numbers.y, size),
        }
    elif isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        members = {"e": number(numbers.e), "kty": "RSA", "n": number(numbers.n)}
    else:
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        members = {"crv": "Ed25519", "kty": "OKP", "x": url(raw)}
    return url(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(file, subject, key, issuer, issuer_key, first=2020, last=2049, ca=False, digest=hashes.SHA256()):
    """Valid from the first second of `first` to that of `last`; without basic constraints if `ca` is None."""
    if isinstance(issuer_key, ed25519.Ed25519PrivateKey):
        digest = None
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(file.encode()).digest()[:8], "big") >> 1)
        .not_valid_before(datetime(first, 1, 1, tzinfo=timezone.utc))
        .not_valid_after(datetime(last, 1, 1, tzinfo=timezone.utc))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    made = builder.sign(issuer_key, digest)
    with open("certificate/" + file + ".pem", "wb") as out:
        out.write(made.public_bytes(serialization.Encoding.PEM))


p256, p384, p521 = load("p256"), load("p384"), load("p521")
rsa_2048, ed = load("rsa_2048"), load("ed25519")

# Self-signed, as docker_auth's users have them: one for each kind of key.
for kind in ["p256", "p384", "p521", "ed25519", "rsa_2048"]:
    certificate("self_" + kind, "self " + kind, load(kind), "self " + kind, load(kind))

# leaf (P-256) < rsa < p521 < ed25519 < p384 < root (RSA): each kind of issuer, each digest.
certificate("leaf", "leaf", p256, "rsa", rsa_2048, digest=hashes.SHA384())
certificate("rsa", "rsa", rsa_2048, "p521", p521, ca=True, digest=hashes.SHA256())
certificate("p521", "p521", p521, "ed25519", ed, ca=True)
certificate("ed25519", "ed25519", ed, "p384", p384, ca=True, digest=hashes.SHA512())
certificate("p384", "p384", p384, "root", rsa_2048, ca=True, digest=hashes.SHA512())
certificate("root", "root", rsa_2048, "root", rsa_2048, ca=True)

# What is refused, or not valid now.
certificate("leaf_2020_2021", "leaf", p256, "rsa", rsa_2048, last=2021)
certificate("leaf_2048_2049", "leaf", p256, "rsa", rsa_2048, first=2048)
certificate("rsa_2020_2021", "rsa", rsa_2048, "p521", p521, ca=True, last=2021)
certificate("rsa_of_another_key", "rsa", load("rsa_8192"), "p521", p521, ca=True)
certificate("rsa_no_ca", "rsa", rsa_2048, "p521", p521, ca=False)
certificate("rsa_no_constraints", "rsa", rsa_2048, "p521", p521, ca=None)
certificate("leaf_sha224", "leaf", p256, "rsa", rsa_2048, digest=hashes.SHA224())

for kind in ["p256", "p256_short_x", "p384", "p384_ecparam", "p521", "rsa_2048", "rsa_8192", "ed25519"]:
    public = load(kind).public_key()
    print(kind, libtrust(public), thumbprint(public), hashlib.sha256(spki(public)).hexdigest())
