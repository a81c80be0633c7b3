//! A small image, made here: nothing is fetched from anywhere.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// An image of one layer, as an OCI image layout (image-spec, `image-layout.md`) and as the layer's bare tar file.
#[derive(Debug)]
pub struct Image {
    folder: PathBuf,
    digest: String,
    _deleted_with_us: Option<TempDir>,
}

impl Image {
    /// An image whose one file holds `text`. Another text makes another image, with a layer no registry has yet.
    #[track_caller]
    pub fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let made = Self::within(folder.path(), text);
        Self {
            _deleted_with_us: Some(folder),
            ..made
        }
    }

    /// As [`Self::new`], in this folder, which stays.
    #[track_caller]
    pub fn within(folder: &Path, text: &str) -> Self {
        let layout = folder.join("layout");
        fs::create_dir_all(layout.join("blobs/sha256")).unwrap_or_else(|error| panic!("cannot make an image: {error}"));
        let layer = tar("hello.txt", text.as_bytes());
        write(&folder.join("layer.tar"), &layer);
        let layer = Blob::store(&layout, "application/vnd.oci.image.layer.v1.tar", &layer);
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        });
        let config = Blob::store(
            &layout,
            "application/vnd.oci.image.config.v1+json",
            config.to_string().as_bytes(),
        );
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [layer.descriptor()],
        });
        let manifest = Blob::store(&layout, MANIFEST, manifest.to_string().as_bytes());
        let mut named = manifest.descriptor();
        named["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
        let index = json!({"schemaVersion": 2, "manifests": [named]});
        write(&layout.join("index.json"), index.to_string().as_bytes());
        write(&layout.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
        Self {
            folder: folder.to_owned(),
            digest: manifest.digest,
            _deleted_with_us: None,
        }
    }

    /// The layout's folder; its one image is tagged `latest`.
    pub fn layout(&self) -> PathBuf {
        self.folder.join("layout")
    }

    /// The file system, for `docker import` and `podman import`.
    pub fn layer(&self) -> PathBuf {
        self.folder.join("layer.tar")
    }

    /// The manifest's digest, `sha256:…`.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Blob {
    media_type: &'static str,
    digest: String,
    size: usize,
}

impl Blob {
    fn store(layout: &Path, media_type: &'static str, bytes: &[u8]) -> Self {
        let mut hex = String::new();
        for byte in Sha256::digest(bytes) {
            let _ = write!(hex, "{byte:02x}");
        }
        write(&layout.join("blobs/sha256").join(&hex), bytes);
        Self {
            media_type,
            digest: format!("sha256:{hex}"),
            size: bytes.len(),
        }
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.size})
    }
}

/// An archive of one file: a header block, the content, both filled up to 512 bytes, and two empty blocks (POSIX ustar).
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(156, "0");
    put(257, "ustar\x0000");
    // The sum is taken with its own field blank.
    put(148, "        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

#[track_caller]
fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
}
