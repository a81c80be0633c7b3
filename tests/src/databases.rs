//! Real database servers, each on a port of loopback and in a folder of its own, which is deleted afterwards.
//!
//! ```no_run
//! use registry_auth_tests::databases::Postgres;
//!
//! let server = Postgres::start();
//! server.sql("CREATE TABLE t (a int)");
//! ```
//!
//! PostgreSQL refuses to run as root, so that where the tests do, servers run as the user that their package made.

mod mariadb;
mod mongo;
mod postgres;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::parts;
use crate::process::run;
pub use mariadb::MariaDb;
pub use mongo::{Collection, Mongo};
pub use postgres::Postgres;
pub(crate) use postgres::program as postgres_program;

/// Servers write their folder, start and stop; a busy machine draws that out.
const LIMIT: Duration = Duration::from_mins(1);

/// The password of every database user.
pub const PASSWORD: &str = "p/w @'x";

/// A text as an address takes it.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
}

/// Who a server runs as, if not as whoever runs the tests.
#[derive(Clone, Debug)]
struct User(Option<String>);

impl User {
    /// `name`, if the tests run as root.
    fn unless_ours(name: &str) -> Self {
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        Self(is_root.then(|| name.to_owned()))
    }

    /// Runs `program` as this user.
    fn command(&self, program: &Path) -> Command {
        let Some(name) = &self.0 else {
            return Command::new(program);
        };
        let mut command = Command::new(parts::system("setpriv"));
        // A change of user makes the kernel forget the first order to end with us.
        let group = format!("--regid={name}");
        command.args([&format!("--reuid={name}"), &group, "--clear-groups"]);
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
        command
    }

    /// Writes a file that nobody but this user may read.
    #[track_caller]
    fn write(&self, path: &Path, text: &str) {
        fs::write(path, text).expect("a file in a temporary folder can be written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our own file can be closed");
        self.own(path);
    }

    /// Hands a file or folder to this user.
    #[track_caller]
    fn own(&self, path: &Path) {
        let Some(name) = &self.0 else { return };
        let id = |option: &str| {
            let ran = run(Command::new("id").args([option, name.as_str()]), LIMIT).ok();
            let id = ran.stdout.trim().parse();
            id.expect("`id` tells a number")
        };
        chown(path, Some(id("-u")), Some(id("-g"))).expect("root can hand over a file");
    }
}
