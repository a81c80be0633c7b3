//! The servers of `docker-compose.yml`'s profiles, of what Debian packages.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{LIMIT, StandIn, allow};
use crate::databases::postgres_program;
use crate::parts;
use crate::process::run;

impl StandIn {
    /// `vegardit/openldap:…`: slapd with its modules and schemas, and what asks it.
    #[track_caller]
    pub fn openldap() -> Self {
        let image = Self::empty();
        image.add_busybox();
        for program in ["slapd", "slapadd"] {
            image.program(&parts::system(program), &format!("usr/sbin/{program}"));
        }
        image.program(&parts::system("ldapwhoami"), "usr/bin/ldapwhoami");
        for module in ["back_mdb.so", "memberof.so"] {
            image.program(
                &Path::new("/usr/lib/ldap").join(module),
                &format!("usr/lib/ldap/{module}"),
            );
        }
        image.tree(Path::new("/etc/ldap/schema"));
        image
    }

    /// `postgres:…`: the server, and a start that is told the same.
    #[track_caller]
    pub fn postgres() -> Self {
        let image = Self::empty();
        image.add_busybox();
        image.account("postgres", 999);
        for name in ["postgres", "initdb", "pg_ctl", "psql"] {
            let program = postgres_program(name);
            image.program(&program, &within(&program));
            image.link(&program, &format!("usr/local/bin/{name}"));
        }
        let version = postgres_program("postgres");
        let version = version
            .ancestors()
            .nth(2)
            .expect("each release has a folder of its own");
        image.tree(&Path::new("/usr/share/postgresql").join(version.file_name().unwrap_or_default()));
        for library in ["plpgsql.so", "dict_snowball.so"] {
            let library = version.join("lib").join(library);
            image.program(&library, &within(&library));
        }
        let clock = Path::new("/usr/share/zoneinfo/UTC");
        image.copy(clock, &within(clock));
        image.script(include_str!("postgres.sh"));
        image.shared_folder("var/lib/postgresql/data");
        image.shared_folder("var/run/postgresql");
        image.with(&[
            "ENV PGDATA=/var/lib/postgresql/data",
            "VOLUME /var/lib/postgresql/data",
            r#"ENTRYPOINT ["docker-entrypoint.sh"]"#,
            r#"CMD ["postgres"]"#,
        ])
    }

    /// `mariadb:…`, the same way.
    #[track_caller]
    pub fn mariadb() -> Self {
        let image = Self::empty();
        image.add_busybox();
        image.account("mysql", 999);
        for name in ["mariadbd", "mariadb", "mariadb-admin", "my_print_defaults"] {
            let program = parts::system(name);
            image.program(&program, &within(&program));
        }
        let install = parts::system("mariadb-install-db");
        image.copy(&install, &within(&install));
        image.tree(Path::new("/usr/share/mysql"));
        image.text(
            "etc/mysql/my.cnf",
            "[client-server]\nsocket=/run/mysqld/mysqld.sock\n[mariadbd]\ndatadir=/var/lib/mysql\nskip-name-resolve\n",
        );
        image.script(include_str!("mariadb.sh"));
        image.shared_folder("var/lib/mysql");
        image.shared_folder("run/mysqld");
        image.with(&[
            "VOLUME /var/lib/mysql",
            r#"ENTRYPOINT ["docker-entrypoint.sh"]"#,
            r#"CMD ["mariadbd"]"#,
        ])
    }

    /// `keinos/sqlite3:…`: the one program.
    #[track_caller]
    pub fn sqlite() -> Self {
        let image = Self::empty();
        image.program(&parts::system("sqlite3"), "usr/bin/sqlite3");
        image.with(&[r#"CMD ["/usr/bin/sqlite3"]"#])
    }

    /// `ferretdb/ferretdb:…`: its package in a program of ours, with the settings that the public image has.
    #[track_caller]
    pub fn ferretdb() -> Self {
        let image = Self::empty();
        image.program(&parts::ferretdb(), "ferretdb");
        image.account("ferretdb", 1000);
        image.shared_folder("state");
        image.with(&[
            "ENV FERRETDB_LISTEN_ADDR=:27017",
            "ENV FERRETDB_SQLITE_URL=file:/state/",
            "VOLUME /state",
            r#"ENTRYPOINT ["/ferretdb"]"#,
        ])
    }

    /// An account beside root.
    #[track_caller]
    fn account(&self, name: &str, id: u32) {
        self.text(
            "etc/passwd",
            &format!("root:x:0:0::/:/bin/sh\n{name}:x:{id}:{id}::/:/bin/sh\n"),
        );
        self.text("etc/group", &format!("root:x:0:\n{name}:x:{id}:\n"));
    }

    /// What the image begins with.
    #[track_caller]
    fn script(&self, text: &str) {
        let at = "usr/local/bin/docker-entrypoint.sh";
        self.text(at, text);
        allow(&self.at(at), 0o755);
    }

    /// Everybody may write there, as the public images have it for whoever they run as.
    #[track_caller]
    fn shared_folder(&self, at: &str) {
        self.folder(at);
        allow(&self.at(at), 0o1777);
    }

    #[track_caller]
    fn link(&self, to: &Path, at: &str) {
        let at = self.at(at);
        super::make_folder_of(&at);
        symlink(to, at).expect("each has another name");
    }

    /// A folder with all that is in it, at its own place.
    #[track_caller]
    fn tree(&self, folder: &Path) {
        let to: PathBuf = self.at(&within(folder));
        super::make_folder_of(&to);
        let mut copy = Command::new(parts::system("cp"));
        let _ = run(copy.args(["-RL"]).arg(folder).arg(&to), LIMIT).ok();
        assert!(
            fs::exists(&to).is_ok_and(|there| there),
            "`{}` was copied",
            folder.display()
        );
    }
}

/// The same place in an image.
fn within(path: &Path) -> String {
    path.strip_prefix("/").unwrap_or(path).to_string_lossy().into_owned()
}
