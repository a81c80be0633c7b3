//! `replay TARGET FILE…`: gives each file to the target, without a fuzzer.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(target) = arguments.next().and_then(|name| registry_auth_fuzz::target(&name)) else {
        let names = registry_auth_fuzz::TARGETS.map(|(name, _)| name).join(", ");
        eprintln!("error: the first argument must be a target: {names}");
        return ExitCode::FAILURE;
    };
    for file in arguments {
        match std::fs::read(&file) {
            Ok(input) => target(&input),
            Err(error) => {
                eprintln!("error: {file}: {error}");
                return ExitCode::FAILURE;
            }
        }
        println!("{file}: as promised");
    }
    ExitCode::SUCCESS
}
