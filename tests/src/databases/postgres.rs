//! PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{LIMIT, PASSWORD, User};
use crate::certificates::Certified;
use crate::parts;
use crate::ports::Port;
use crate::process::{Process, run, run_with_input};

/// The database, and the user that owns it.
const NAME: &str = "accounts";

/// A server with a database, until it is dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: Port,
    user: User,
    folder: TempDir,
    has_tls: bool,
}

/// Keeps a table locked, so that whoever asks it waits, until it is dropped.
#[derive(Debug)]
pub struct Locked<'s> {
    server: &'s Postgres,
    _process: Process,
    _folder: TempDir,
}

impl Postgres {
    /// One without TLS.
    #[track_caller]
    pub fn start() -> Self {
        Self::set_up(None)
    }

    /// One that has this certificate, and takes nobody without TLS; the user `certified` must have a certificate of the
    /// same authority.
    #[track_caller]
    pub fn start_with_tls(certified: &Certified) -> Self {
        Self::set_up(Some(certified))
    }

    #[track_caller]
    fn set_up(certified: Option<&Certified>) -> Self {
        let mut server = Self {
            process: None,
            port: Port::free(),
            user: User::unless_ours("postgres"),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            has_tls: certified.is_some(),
        };
        let folder = server.folder.path();
        server.user.own(folder);
        let password = folder.join("password");
        server.user.write(&password, PASSWORD);
        let mut make = server.user.command(&program("initdb"));
        make.args([
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
        ]);
        make.args(["--username", NAME, "--pwfile"]).arg(&password);
        make.arg("--pgdata").arg(folder.join("data"));
        let _ = run(&make, LIMIT).ok();
        if let Some(certified) = certified {
            let root = fs::read_to_string(certified.root_file()).expect("openssl has just written it");
            let access = "local all all trust\n\
                          hostssl all certified all scram-sha-256 clientcert=verify-ca\n\
                          hostssl all all all scram-sha-256\n";
            for (name, text) in [
                ("server.crt", certified.certificate().as_str()),
                ("server.key", &certified.key()),
                ("root.crt", &root),
                ("pg_hba.conf", access),
            ] {
                server.user.write(&folder.join("data").join(name), text);
            }
        }
        server.start_again();
        server.psql("postgres", &format!("CREATE DATABASE {NAME}"));
        server
    }

    /// Starts it after [`Self::stop`].
    #[track_caller]
    pub fn start_again(&mut self) {
        let folder = self.folder.path();
        let mut command = self.user.command(&program("postgres"));
        command.arg("-D").arg(folder.join("data"));
        command.args([
            "-p",
            &self.port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
        ]);
        command.args(["-c", &format!("unix_socket_directories={}", folder.display())]);
        if self.has_tls {
            command.args(["-c", "ssl=on", "-c", "ssl_ca_file=root.crt"]);
        }
        let mut process = Process::start("postgres", &command, folder);
        let ask = self.command("postgres");
        process.wait_until("answering", LIMIT, || {
            run_with_input(&ask, "SELECT 1", LIMIT).succeeded().then_some(())
        });
        self.process = Some(process);
    }

    /// Stops it at once: whoever is connected is thrown out.
    #[track_caller]
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::INT);
            process.wait_for_end(LIMIT);
        }
    }

    /// Runs SQL in the database, and answers what it gives, one row a line.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.psql(NAME, sql)
    }

    /// Locks `table` until what is answered is dropped.
    #[track_caller]
    pub fn lock(&self, table: &str) -> Locked<'_> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = self.command(NAME);
        let lock = format!("LOCK TABLE {table}");
        // Each `-c` is a transaction of its own, unless it is said otherwise.
        command.args(["--single-transaction", "-c", &lock, "-c", "SELECT pg_sleep(600)"]);
        let mut process = Process::start("psql", &command, folder.path());
        process.wait_until("holding the lock", LIMIT, || {
            let held = self.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted");
            (held.trim() != "0").then_some(())
        });
        Locked {
            server: self,
            _process: process,
            _folder: folder,
        }
    }

    /// Where it is, in the form of lib/pq, for a client without TLS unless `more` says otherwise.
    pub fn conn_string(&self, more: &str) -> String {
        let password = PASSWORD.replace('\'', "\\'");
        format!(
            "host=127.0.0.1 port={} user={NAME} dbname={NAME} password='{password}' {more}",
            self.port
        )
    }

    /// The same as an address.
    pub fn url(&self, query: &str) -> String {
        let password = super::percent_encoded(PASSWORD);
        format!("postgres://{NAME}:{password}@127.0.0.1:{}/{NAME}?{query}", self.port)
    }

    /// Of the server, for the kernel.
    ///
    /// # Panics
    /// Where it is stopped.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Where its socket is.
    pub fn socket_folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    #[track_caller]
    fn psql(&self, database: &str, sql: &str) -> String {
        run_with_input(&self.command(database), sql, LIMIT).ok().stdout
    }

    /// A client, by the socket.
    #[track_caller]
    fn command(&self, database: &str) -> Command {
        let mut command = Command::new(parts::system("psql"));
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            NAME,
            "-d",
            database,
        ]);
        command
            .arg("-h")
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string()]);
        command
    }
}

impl Drop for Postgres {
    /// The usual end waits for whoever is connected.
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            process.signal(Signal::INT);
        }
    }
}

impl Drop for Locked<'_> {
    /// A server that sleeps does not notice that its client has left.
    fn drop(&mut self) {
        let sleepers = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        let _ = run_with_input(&self.server.command(NAME), sleepers, LIMIT);
    }
}

/// A program of the server. Debian keeps them apart, a folder for each release.
#[track_caller]
pub(crate) fn program(name: &str) -> PathBuf {
    let releases = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = releases
        .map(|release| release.path().join("bin").join(name))
        .filter(|program| program.is_file())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| parts::system(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_after_a_restart() {
        let mut server = Postgres::start();
        server.sql("CREATE TABLE t (a text); INSERT INTO t VALUES ('kept')");
        server.stop();
        server.start_again();
        assert_eq!(server.sql("SELECT a FROM t"), "kept\n");
    }
}
