//! MariaDB.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{LIMIT, PASSWORD, User};
use crate::certificates::Certified;
use crate::parts;
use crate::ports::Port;
use crate::process::{Process, run, run_with_input};

/// The database, and the user that may use it.
const NAME: &str = "accounts";

/// A server with a database, until it is dropped.
#[derive(Debug)]
pub struct MariaDb {
    process: Option<Process>,
    port: Port,
    user: User,
    folder: TempDir,
    has_tls: bool,
}

impl MariaDb {
    /// One without TLS.
    #[track_caller]
    pub fn start() -> Self {
        Self::set_up(None)
    }

    /// One that has this certificate, and takes nobody without TLS.
    #[track_caller]
    pub fn start_with_tls(certified: &Certified) -> Self {
        Self::set_up(Some(certified))
    }

    #[track_caller]
    fn set_up(certified: Option<&Certified>) -> Self {
        let mut server = Self {
            process: None,
            port: Port::free(),
            user: User::unless_ours("mysql"),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            has_tls: certified.is_some(),
        };
        let folder = server.folder.path();
        server.user.own(folder);
        if let Some(certified) = certified {
            server.user.write(&folder.join("server.crt"), &certified.certificate());
            server.user.write(&folder.join("server.key"), &certified.key());
        }
        let mut make = server.user.command(&parts::system("mariadb-install-db"));
        make.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]);
        make.arg(format!("--datadir={}", server.data().display()));
        make.arg(server.own_temporary_folder());
        let _ = run(&make, LIMIT).ok();
        server.start_again();
        let password = PASSWORD.replace('\'', "''");
        server.ask(
            "mysql",
            &format!(
                "CREATE DATABASE {NAME} CHARACTER SET utf8mb4;
                 CREATE USER {NAME}@'127.0.0.1' IDENTIFIED BY '{password}';
                 CREATE USER {NAME}@'localhost' IDENTIFIED BY '{password}';
                 GRANT ALL ON {NAME}.* TO {NAME}@'127.0.0.1';
                 GRANT ALL ON {NAME}.* TO {NAME}@'localhost';"
            ),
        );
        server
    }

    /// Starts it after [`Self::stop`].
    #[track_caller]
    pub fn start_again(&mut self) {
        let mut command = self.user.command(&parts::system("mariadbd"));
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin"]);
        command.args([
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M",
            "--skip-name-resolve",
        ]);
        command.arg(format!("--datadir={}", self.data().display()));
        command.arg(self.own_temporary_folder());
        command.arg(format!("--socket={}", self.socket().display()));
        command.arg(format!("--pid-file={}", self.folder.path().join("pid").display()));
        command.arg(format!("--port={}", self.port));
        if self.has_tls {
            for (option, file) in [("cert", "server.crt"), ("key", "server.key")] {
                command.arg(format!("--ssl-{option}={}", self.folder.path().join(file).display()));
            }
            command.arg("--require-secure-transport=on");
        }
        let mut process = Process::start("mariadbd", &command, self.folder.path());
        let ask = self.command("mysql");
        process.wait_until("answering", LIMIT, || {
            run_with_input(&ask, "SELECT 1", LIMIT).succeeded().then_some(())
        });
        self.process = Some(process);
    }

    /// Stops it.
    #[track_caller]
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM);
            process.wait_for_end(LIMIT);
        }
    }

    /// It hangs: its connections stay open, and new ones are taken by the kernel.
    #[track_caller]
    pub fn hang(&self) {
        if let Some(process) = &self.process {
            process.hang();
        }
    }

    /// Ends [`Self::hang`].
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Runs SQL in the database, and answers what it gives, one row a line.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.ask(NAME, sql)
    }

    /// Where it is, in the form of go-sql-driver/mysql.
    pub fn conn_string(&self, parameters: &str) -> String {
        format!("{NAME}:{PASSWORD}@tcp(127.0.0.1:{})/{NAME}?{parameters}", self.port)
    }

    /// Of the server, for the kernel.
    ///
    /// # Panics
    /// Where it is stopped.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// The same as an address.
    pub fn url(&self) -> String {
        format!(
            "mysql://{NAME}:{}@127.0.0.1:{}/{NAME}",
            super::percent_encoded(PASSWORD),
            self.port
        )
    }

    /// The same by its socket.
    pub fn conn_string_of_socket(&self) -> String {
        format!("{NAME}:{PASSWORD}@unix({})/{NAME}", self.socket().display())
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A server that starts deletes what others have in theirs.
    fn own_temporary_folder(&self) -> String {
        format!("--tmpdir={}", self.folder.path().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    #[track_caller]
    fn ask(&self, database: &str, sql: &str) -> String {
        run_with_input(&self.command(database), sql, LIMIT).ok().stdout
    }

    /// A client, by the socket, as the server's root.
    #[track_caller]
    fn command(&self, database: &str) -> Command {
        let mut command = Command::new(parts::system("mariadb"));
        command.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"]);
        command.arg("--default-character-set=utf8mb4");
        command
            .arg(format!("--socket={}", self.socket().display()))
            .arg(database);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_after_a_restart() {
        let mut server = MariaDb::start();
        server.sql("CREATE TABLE t (a text); INSERT INTO t VALUES ('kept')");
        server.stop();
        server.start_again();
        assert_eq!(server.sql("SELECT a FROM t"), "kept\n");
    }
}
