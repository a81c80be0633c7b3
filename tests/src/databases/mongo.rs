//! A server that speaks MongoDB's protocol.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress, Tls, TlsOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{LIMIT, PASSWORD};
use crate::certificates::Certified;
use crate::parts;
use crate::ports::Port;
use crate::process::Process;

/// The database, and the user of `admin` that may read and write it.
const NAME: &str = "accounts";

/// Who may read it, and no more.
const READER: &str = "reader";

/// Who may read and write it, and is known to it alone.
const LOCAL: &str = "local";

/// A server, until it is dropped. Who does not sign in may do nothing.
#[derive(Debug)]
pub struct Mongo {
    process: Option<Process>,
    port: Port,
    folder: TempDir,
    certificate: Option<(PathBuf, PathBuf, PathBuf)>,
    requires_certificates: bool,
    asks_for_names: bool,
    runtime: Runtime,
}

/// One of its collections.
#[derive(Clone, Copy, Debug)]
pub struct Collection<'s> {
    server: &'s Mongo,
    name: &'static str,
}

impl Mongo {
    /// One without TLS.
    #[track_caller]
    pub fn start() -> Self {
        Self::set_up(None, false)
    }

    /// One that has this certificate, and takes nobody without TLS.
    #[track_caller]
    pub fn start_with_tls(certified: &Certified) -> Self {
        Self::set_up(Some(certified), false)
    }

    /// One that takes nobody without a certificate of the same authority either.
    #[track_caller]
    pub fn start_with_certificates(certified: &Certified) -> Self {
        Self::set_up(Some(certified), true)
    }

    #[track_caller]
    fn set_up(certified: Option<&Certified>, requires_certificates: bool) -> Self {
        let files = |certified: &Certified| {
            (
                certified.certificate_file(),
                certified.key_file(),
                certified.root_file(),
            )
        };
        let mut server = Self {
            process: None,
            port: Port::free(),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            certificate: None,
            requires_certificates: false,
            asks_for_names: false,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime can be made"),
        };
        // Users are made where nobody need be one.
        server.start_again();
        for (database, name, password, role) in [
            ("admin", NAME, PASSWORD, "readWrite"),
            ("admin", READER, "r", "read"),
            (NAME, LOCAL, "l", "readWrite"),
        ] {
            let roles = vec![doc! {"role": role, "db": NAME}];
            server.run(database, doc! {"createUser": name, "pwd": password, "roles": roles});
        }
        server.stop();
        server.certificate = certified.map(files);
        server.requires_certificates = requires_certificates;
        server.asks_for_names = true;
        server.start_again();
        server
    }

    /// Lets in everybody from now on.
    #[track_caller]
    pub fn ask_for_no_names(&mut self) {
        self.stop();
        self.asks_for_names = false;
        self.start_again();
    }

    /// Starts it after [`Self::stop`].
    #[track_caller]
    pub fn start_again(&mut self) {
        let mut command = Command::new(parts::secantusdb());
        command.args([
            "--host",
            "127.0.0.1",
            "--port",
            &self.port.to_string(),
            "--cache-size",
            "64M",
        ]);
        command.arg("--storage-path").arg(self.folder.path().join("data"));
        if self.asks_for_names {
            command.arg("--auth");
        }
        if let Some((certificate, key, root)) = &self.certificate {
            command.arg("--tls-cert-file").arg(certificate);
            command.arg("--tls-key-file").arg(key);
            command.arg("--tls-ca-file").arg(root);
        }
        if self.requires_certificates {
            command.arg("--tls-require-client-cert");
        }
        // A file of settings that lies somewhere else is not its own.
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        let mut process = Process::start("secantusdb", &command, self.folder.path());
        process.wait_until("answering", LIMIT, || {
            TcpStream::connect(("127.0.0.1", self.port.number())).ok()
        });
        self.process = Some(process);
    }

    /// Stops it: it writes what it holds, and whoever is connected is thrown out.
    #[track_caller]
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM);
            process.wait_for_end(LIMIT);
        }
    }

    /// The process of the server that runs.
    #[track_caller]
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// `dial_info` with docker_auth's keys.
    pub fn dial_info(&self) -> Value {
        json!({
            "addrs": [self.address()],
            "database": NAME,
            "username": NAME,
            "password": PASSWORD,
        })
    }

    /// The same as an address, in which the database's own user asks.
    pub fn url(&self, query: &str) -> String {
        format!("mongodb://{LOCAL}:l@{}/{NAME}?{query}", self.address())
    }

    /// The same for somebody who may only read.
    pub fn url_of_reader(&self) -> String {
        format!("mongodb://{READER}:r@{}/{NAME}?authSource=admin", self.address())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of loopback on which it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// A collection of its database.
    pub fn collection(&self, name: &'static str) -> Collection<'_> {
        Collection { server: self, name }
    }

    #[track_caller]
    fn run(&self, database: &str, command: Document) -> Document {
        let client = self.client();
        let ran = self.runtime.block_on(async {
            let answer = client.database(database).run_command(command).await;
            client.shutdown().await;
            answer
        });
        ran.unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn client(&self) -> Client {
        let mut options = ClientOptions::default();
        options.hosts = vec![ServerAddress::Tcp {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port.number()),
        }];
        options.server_selection_timeout = Some(Duration::from_secs(20));
        if self.asks_for_names {
            let mut credential = Credential::default();
            credential.username = Some(NAME.to_owned());
            credential.password = Some(PASSWORD.to_owned());
            credential.source = Some("admin".to_owned());
            options.credential = Some(credential);
        }
        if let Some((.., root)) = &self.certificate {
            let mut tls = TlsOptions::default();
            tls.ca_file_path = Some(root.clone());
            if self.requires_certificates {
                tls.cert_key_file_path = Some(self.certificate_and_key());
            }
            options.tls = Some(Tls::Enabled(tls));
        }
        let _inside = self.runtime.enter();
        Client::with_options(options).expect("the options of a test are right")
    }

    /// The server's certificate and its key in one file, as clients have theirs.
    #[track_caller]
    pub fn certificate_and_key(&self) -> PathBuf {
        let (certificate, key, _) = self.certificate.as_ref().expect("the server has TLS");
        let read = |path| std::fs::read_to_string(path).expect("openssl has written it");
        let path = self.folder.path().join("client.pem");
        std::fs::write(&path, read(certificate) + &read(key)).expect("a file in a temporary folder can be written");
        path
    }
}

impl Collection<'_> {
    /// Puts in a document, in MongoDB's own form of JSON.
    #[track_caller]
    pub fn insert(self, document: &Value) {
        self.insert_all(std::slice::from_ref(document));
    }

    #[track_caller]
    pub fn insert_all(self, documents: &[Value]) {
        let documents: Vec<_> = documents.iter().map(bson).collect();
        let answer = self
            .server
            .run(NAME, doc! {"insert": self.name, "documents": documents});
        assert!(answer.get_array("writeErrors").is_err(), "{answer}");
    }

    /// Puts in one whose field has this value, which JSON cannot say.
    #[track_caller]
    pub fn insert_bson(self, document: Document) {
        let documents = vec![document];
        self.server
            .run(NAME, doc! {"insert": self.name, "documents": documents});
    }

    /// Changes the documents that `filter` finds.
    #[track_caller]
    pub fn set(self, filter: &Value, fields: &Value) {
        let update = doc! {"q": bson(filter), "u": {"$set": bson(fields)}, "multi": true};
        self.server.run(NAME, doc! {"update": self.name, "updates": [update]});
    }

    /// Deletes the documents that `filter` finds.
    #[track_caller]
    pub fn delete(self, filter: &Value) {
        let deletes = vec![doc! {"q": bson(filter), "limit": 0}];
        self.server.run(NAME, doc! {"delete": self.name, "deletes": deletes});
    }

    /// The fields that are unique.
    #[track_caller]
    pub fn unique_fields(self) -> Vec<String> {
        let answer = self.server.run(NAME, doc! {"listIndexes": self.name});
        let batch = answer
            .get_document("cursor")
            .and_then(|cursor| cursor.get_array("firstBatch"));
        let indexes = batch
            .expect("the answer has a batch")
            .iter()
            .filter_map(Bson::as_document);
        let unique = indexes.filter(|index| index.get_bool("unique").unwrap_or(false));
        unique
            .filter_map(|index| index.get_document("key").ok()?.keys().next().cloned())
            .collect()
    }
}

fn bson(json: &Value) -> Document {
    serde_json::from_value(json.clone()).expect("JSON is BSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_after_a_restart() {
        let mut server = Mongo::start();
        let found = |server: &Mongo| {
            let answer = server.run(NAME, doc! {"count": "kept", "query": {"a": 1}});
            answer.get_i32("n").unwrap()
        };
        server.collection("kept").insert(&json!({"a": 1}));
        assert_eq!(found(&server), 1);
        server.stop();
        server.start_again();
        assert_eq!(found(&server), 1);
    }
}
