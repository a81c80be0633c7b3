//! The program `registry-auth`.

fn main() {}
