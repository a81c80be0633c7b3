//! What the documents say is so: every command and configuration in them runs, every key they name exists.
//!
//! A block that no test here knows is a failure, so that none is added without one.

mod docs {
    pub(super) mod commands;
    pub(super) mod configurations;
    mod ldap;
    mod manifests;
    mod mongo;
    pub(super) mod operator;
    pub(super) mod program;
    pub(super) mod reference;
}

use std::fs;
use std::path::Path;

use registry_auth_tests::parts;

/// A fenced block of a Markdown file.
#[derive(Debug)]
struct Block {
    /// What stands behind the opening fence, such as `sh`.
    language: String,
    text: String,
}

#[track_caller]
fn document(name: &str) -> String {
    let path = parts::checkout().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}

#[track_caller]
fn blocks(name: &str) -> Vec<Block> {
    let text = document(name);
    let mut parts = text.split("```").skip(1);
    let mut blocks = Vec::new();
    while let Some(inside) = parts.next() {
        let (language, text) = inside.split_once('\n').expect("a fence ends its line");
        blocks.push(Block {
            language: language.to_owned(),
            text: text.to_owned(),
        });
        assert!(parts.next().is_some(), "a fence of `{name}` is never closed");
    }
    blocks
}

/// The one block of the README in this language that holds `mark`.
#[track_caller]
fn readme_block(language: &str, mark: &str) -> String {
    let found: Vec<_> = blocks("README.md")
        .into_iter()
        .filter(|block| block.language == language && block.text.contains(mark))
        .collect();
    match <[Block; 1]>::try_from(found) {
        Ok([block]) => block.text,
        Err(found) => panic!("one block with `{mark}` was expected: {found:#?}"),
    }
}

#[test]
fn no_block_of_the_readme_is_without_a_test() {
    let known = |block: &Block| match block.language.as_str() {
        // The diagram.
        "" => block.text.contains("──►"),
        // The second block is typed by the suite `stack`.
        "sh" => [
            docs::commands::TRY_IT,
            "docker compose",
            docs::program::SERVE,
            docs::program::CHECK,
            docs::program::RENDER,
        ]
        .iter()
        .chain(&docs::operator::MARKS)
        .chain(docs::program::EXPLAIN.iter().map(|(command, _)| command))
        .any(|mark| block.text.contains(mark)),
        "text" => docs::program::EXPLAIN
            .iter()
            .map(|(_, answer)| answer)
            .chain(&[docs::operator::DIFFERENCE])
            .any(|answer| block.text.contains(answer)),
        "yaml" => [docs::configurations::MARKS.as_slice(), &docs::program::MARKS]
            .concat()
            .iter()
            .any(|mark| block.text.contains(mark)),
        _ => false,
    };
    for block in blocks("README.md") {
        assert!(known(&block), "no test runs this block: {block:#?}");
    }
}
