//! The harness: starts the real Envoy with the shipped configuration, real registries and real clients. It waits until
//! they are ready, shows what they logged when a test fails, and stops them.
//!
//! | module | what it starts or asks |
//! |---|---|
//! | [`module`] | the shipped module on a wasm host of our own |
//! | [`envoy`] | Envoy with `envoy/standalone.yaml` and the filter |
//! | [`sidecar`] | the program `registry-auth` |
//! | [`registry`] | a registry that takes tokens |
//! | [`databases`] | PostgreSQL and MariaDB |
//! | [`ldap`], [`active_directory`] | a directory; Samba as an Active Directory |
//! | [`stack`], [`stand_in`] | `docker-compose.yml` in a Docker Engine; the base images that cannot be pulled |
//! | [`skopeo`], [`docker`], [`podman`], [`crane`], [`oras`] | clients, as an operator types them; [`client`] is what they share |
//! | [`kubernetes`], [`manifests`] | a Kubernetes API; what is rendered for it |
//! | [`http`] | requests byte by byte, and HTTP/2 |
//! | [`requests`] | requests for tokens as data, and what each is answered |
//! | [`certificates`], [`image`] | keys with their certificates; a small image |
//! | [`bench`], [`soak`] | what `make bench` measures; how often what `make soak` repeats |
//! | [`token`], [`stop`] | the token in an answer; clients that ask until they are told to stop |
//! | [`parts`], [`ports`], [`process`] | where programs are, free ports, running and ending |

pub mod active_directory;
pub mod bench;
pub mod cases;
pub mod certificates;
pub mod client;
pub mod crane;
pub mod databases;
pub mod demo;
pub mod docker;
pub mod envoy;
pub mod go_patterns;
pub mod http;
pub mod image;
pub mod keys;
pub mod kubernetes;
pub mod ldap;
pub mod manifests;
pub mod module;
pub mod oras;
pub mod parts;
pub mod podman;
pub mod ports;
pub mod process;
pub mod reference;
pub mod registry;
pub mod requests;
pub mod sidecar;
pub mod skopeo;
pub mod soak;
pub mod stack;
pub mod stand_in;
pub mod stop;
pub mod token;
pub mod verify;
