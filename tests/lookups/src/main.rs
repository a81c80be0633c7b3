//! Looks accounts up in a loop, as `registry-auth` does for a login and by the same client crates, and prints how many a
//! second came of it:
//!
//! ```text
//! registry-auth-lookups ldap ldap://127.0.0.1:389 SECONDS CONNECTIONS ACCOUNTS PASSWORD BASE READER READER_PASSWORD
//! registry-auth-lookups postgres postgres://… SECONDS CONNECTIONS ACCOUNTS PASSWORD
//! ```
//!
//! Accounts are `bench-0` and so on. All connections share one thread, since `registry-auth` is kept on one core beside it.

mod collection;
mod directory;
mod table;

use std::env;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::task::{LocalSet, spawn_local};

/// What is looked up, and for how long.
struct Task {
    address: String,
    duration: Duration,
    connections: usize,
    accounts: usize,
    password: String,
    /// What a kind of server wants to know besides.
    rest: Vec<String>,
}

/// One connection's part: another account each time, until the end.
struct Turns {
    number: usize,
    accounts: usize,
    end: Instant,
    done: u64,
}

impl Turns {
    /// The next account, unless time is up.
    fn next(&mut self) -> Option<String> {
        if Instant::now() >= self.end {
            return None;
        }
        self.number = (self.number + 1) % self.accounts;
        self.done += 1;
        Some(format!("bench-{}", self.number))
    }
}

fn main() -> Result<()> {
    let mut words = env::args().skip(1);
    let mut word = |what: &str| words.next().with_context(|| format!("{what} is missing"));
    let kind = word("the kind of server")?;
    let task = Task {
        address: word("its address")?,
        duration: Duration::from_secs(word("the number of seconds")?.parse()?),
        connections: word("the number of connections")?.parse()?,
        accounts: word("the number of accounts")?.parse()?,
        password: word("their password")?,
        rest: words.collect(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rate = runtime.block_on(LocalSet::new().run_until(async {
        match kind.as_str() {
            "ldap" => rate(task, directory::look_up).await,
            "mongo" => rate(task, collection::look_up).await,
            "postgres" => rate(task, table::look_up::<table::Postgres>).await,
            "mysql" => rate(task, table::look_up::<table::MySql>).await,
            "sqlite" => rate(task, table::look_up::<table::Sqlite>).await,
            other => bail!("there is no kind `{other}`"),
        }
    }))?;
    println!("{rate:.1}");
    Ok(())
}

/// Lookups a second, of all connections together.
async fn rate<F: Future<Output = Result<Turns>> + 'static>(
    task: Task,
    look_up: fn(Rc<Task>, Turns) -> F,
) -> Result<f64> {
    let task = Rc::new(task);
    let begun = Instant::now();
    let under_way: Vec<_> = (0..task.connections)
        .map(|connection| {
            let turns = Turns {
                number: connection * task.accounts / task.connections,
                accounts: task.accounts,
                end: begun + task.duration,
                done: 0,
            };
            spawn_local(look_up(Rc::clone(&task), turns))
        })
        .collect();
    let mut done = 0;
    for connection in under_way {
        done += connection.await.map_err(|error| anyhow!(error))??.done;
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let done = done as f64;
    Ok(done / begun.elapsed().as_secs_f64())
}
