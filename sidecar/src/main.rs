//! The program `registry-auth`.

use std::io::IsTerminal;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use registry_auth_sidecar::cli::{self, Command, Invocation, Serve};
use registry_auth_sidecar::clock;
use registry_auth_sidecar::command::serve::Asked;
use registry_auth_sidecar::command::{
    about, acl, check, diff, doctor, explain, hash_password, health, keygen, render, serve, token, users, who,
};
use registry_auth_sidecar::config::Look;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Could not tell.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    // First of all, and once: with two providers, rustls panics when it is to choose.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("registry-auth: TLS is set up already; this is a fault of the program");
        return ExitCode::from(FAILED);
    }
    let invocation = cli::parse(std::env::args_os().skip(1)).unwrap_or_else(|error| error.exit());
    run(invocation).unwrap_or_else(|error| {
        eprintln!("registry-auth: {error:#}");
        ExitCode::from(FAILED)
    })
}

fn run(invocation: Invocation) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::new()?;
    match invocation.command {
        Command::Serve(serve) => runtime.block_on(serve_until_stopped(&serve, &invocation.warnings)),
        Command::Check(check) => {
            // The clients of hooks are made, and ask nobody.
            let _context = runtime.enter();
            Ok(check::run(&check, environment, look())?.into())
        }
        Command::Health(health) => runtime.block_on(ask_for_health(&health)),
        Command::Explain(asked) => Ok(runtime.block_on(explain::run(&asked, &environment))?.into()),
        Command::Who(asked) => Ok(who::run(&asked, &environment)?.into()),
        Command::Diff(asked) => Ok(diff::run(&asked, &environment)?.into()),
        Command::Render(render) => Ok(render::run(&render, &environment)?.into()),
        Command::Users(asked) => Ok(runtime.block_on(users::run(&asked, &environment))?.into()),
        Command::Acl(asked) => Ok(runtime.block_on(acl::run(&asked, &environment))?.into()),
        Command::HashPassword(asked) => Ok(hash_password::run(&asked)?.into()),
        Command::Keygen(asked) => Ok(keygen::run(&asked, clock::now())?.into()),
        Command::Token(asked) => Ok(runtime.block_on(token::run(&asked, environment, clock::now()))?.into()),
        Command::Doctor(asked) => Ok(runtime.block_on(doctor::run(&asked, clock::now))?.into()),
        Command::Version(asked) => Ok(about::version(&asked)?.into()),
        Command::Completions(asked) => Ok(about::completions(&asked, cli::command())?.into()),
        Command::Man(asked) => Ok(about::man(&asked, cli::command())?.into()),
    }
}

async fn serve_until_stopped(serve: &Serve, warnings: &[String]) -> anyhow::Result<ExitCode> {
    serve.logging().start()?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let options = serve::Options {
        files: serve.files.clone(),
        listen: serve.listen(),
    };
    Ok(match serve::run(options, environment).await? {
        serve::Ended::Stopped => ExitCode::SUCCESS,
        serve::Ended::Refused => ExitCode::FAILURE,
    })
}

async fn ask_for_health(health: &cli::Health) -> anyhow::Result<ExitCode> {
    let asked = match &health.admin {
        Some(address) => Asked::Admin(address.clone()),
        None => serve::asked(&health.files, environment)?,
    };
    Ok(match asked {
        Asked::Admin(address) => health::run(&address).await,
        Asked::Token(address) => health::connect(&address).await,
    })
}

/// Colours are for a terminal, whose owner may not want them (<https://no-color.org>).
fn look() -> Look {
    let wants_none = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !wants_none {
        Look::Coloured
    } else {
        Look::Plain
    }
}

/// A variable that is not UTF-8 counts as not set.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
