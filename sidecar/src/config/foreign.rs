//! YAML of another program, of which we want to know a few values: a registry's own configuration.

use std::path::Path;

use registry_auth_core::config::{Node, Section};
use registry_auth_core::problem::{Place, Problems};

use super::files::{Files, MAX_NAMED};
use super::tree::Tree;
use super::{interpolate, yaml};

/// The map that the file at `path` is; `None` if it is none.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path) -> Result<Section, String> {
    let text = Files::default()
        .read(path, MAX_NAMED)
        .map_err(|error| error.to_string())?;
    let mut tree = Tree::default();
    let read = yaml::read(text.expose(), 0, &mut tree).map_err(|fault| format!("it is no YAML: {}", fault.what))?;
    let mut problems = Problems::default();
    let node: Node = interpolate::expand(&tree, read.root, &|_| None, &mut problems).node;
    Section::open(node, Place::root(), &mut problems).ok_or_else(|| "it is no map of keys".to_owned())
}
