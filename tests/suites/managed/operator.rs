//! An operator's way: docker_auth's file, three lines in Envoy's, and edits while clients ask without pause.

use std::thread;
use std::time::Instant;

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use registry_auth_tests::certificates::{Algorithm, Certified};
use registry_auth_tests::process;
use registry_auth_tests::sidecar::{Running, Site};

use crate::*;

/// Each is an added user, a changed rule, a changed key, and a wrong file.
const ROUNDS: u32 = 3;
/// On each worker, besides the one that looks.
const CLIENTS: usize = 2;

/// A user's name is that of the round.
fn edited(round: u32, actions: &Value) -> Value {
    let mut config = config();
    config["token"]["key"] = json!("token.key");
    config["token"]["certificate"] = json!("token.crt");
    config["users"][format!("added-{round}")] = json!({"password": keys::ADA_SECRET_SHA256});
    config["acl"][1]["actions"] = actions.clone();
    config
}

/// The key, and after it the certificate: two renames, in between the two do not belong together.
#[track_caller]
fn write_pair(site: &Site, pair: &Certified) {
    site.write("token.key", &pair.key());
    site.write("token.crt", &pair.certificate());
}

/// Waits until this connection to a worker of its own is answered as it should be.
#[track_caller]
fn wait_for<T>(what: &str, client: &mut Connection, request: &[u8], found: impl Fn(&Response) -> Option<T>) -> T {
    process::wait_until(what, SOON, || {
        client.send(request);
        found(&client.answer().expect("the connection stays open"))
    })
}

/// Asks until told to stop, every second time by POST; every answer must be a token of one of the keys, for ada.
fn ask_until(mut client: Connection, stop: &AtomicBool, asked: &AtomicUsize, pairs: &[Certified]) {
    let keys = pairs
        .iter()
        .map(|pair| SigningKey::from_pkcs8_pem(&pair.key()).expect("a P-256 key"));
    let keys: Vec<_> = keys.map(|key| *key.verifying_key()).collect();
    let get = get("ada", "ada-secret", "repository:ada/app:push");
    let form = "grant_type=password&service=registry&client_id=test&username=ada&password=ada-secret\
                &scope=repository:ada/app:push";
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let post = raw::head("POST", "/token", &[kind, ("content-length", &form.len().to_string())]) + form;
    while !stop.load(Ordering::Relaxed) {
        for request in [get.as_slice(), post.as_bytes()] {
            client.send(request);
            let answer = client.answer().expect("the connection stays open");
            assert_granted(&answer, "ada", &json!({"ada/app": ["push"]}), "under load");
            let token = token(&answer);
            let (message, signature) = token.rsplit_once('.').expect("a token has three parts");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("a signature is base64");
            let signature = Signature::from_slice(&signature).expect("ES256");
            let fits = keys
                .iter()
                .any(|key| key.verify(message.as_bytes(), &signature).is_ok());
            assert!(fits, "signed by neither key");
            asked.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Looking<'a> {
    site: &'a Site,
    program: &'a mut Running,
    workers: Vec<Connection>,
    pairs: &'a [Certified],
}

impl Looking<'_> {
    /// Waits until all workers answer in a new way, and prints how long that took.
    #[track_caller]
    fn wait<T>(&mut self, what: &str, saved: Instant, request: &[u8], found: impl Fn(&Response) -> Option<T>) {
        for worker in &mut self.workers {
            wait_for(what, worker, request, &found);
        }
        println!("{what} after {} ms", saved.elapsed().as_millis());
    }

    #[track_caller]
    fn play(&mut self, round: u32) {
        let public = get("", "", "repository:public/app:pull,push");
        let added = get(&format!("added-{round}"), "ada-secret", "repository:public/app:pull");
        let granted = |actions: Value| {
            move |answer: &Response| (claims(answer).1 == json!({"public/app": actions})).then_some(())
        };
        let saved = Instant::now();
        self.site.configure(&edited(round, &json!(["pull"])));
        self.wait("an added user is let in", saved, &added, |answer| {
            (answer.status == 200).then_some(())
        });

        let saved = Instant::now();
        self.site.configure(&edited(round, &json!(["pull", "push"])));
        self.wait(
            "a changed rule decides",
            saved,
            &public,
            granted(json!(["pull", "push"])),
        );

        let pair = &self.pairs[(round as usize + 1) % self.pairs.len()];
        let key = *SigningKey::from_pkcs8_pem(&pair.key())
            .expect("a P-256 key")
            .verifying_key();
        let saved = Instant::now();
        write_pair(self.site, pair);
        self.wait("a changed key signs", saved, &public, |answer| {
            let token = token(answer);
            let (message, signature) = token.rsplit_once('.')?;
            let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
            key.verify(message.as_bytes(), &signature).ok()
        });

        let mut wrong = edited(round + 1, &json!([]));
        wrong["acl"][0]["match"]["name"] = json!(format!("wrong-{round}-["));
        self.site.configure(&wrong);
        self.program.wait_for_log(&format!("wrong-{round}-["));
        // The last good one serves: the next user is not let in, and the rule is as it was.
        let next = get(
            &format!("added-{}", round + 1),
            "ada-secret",
            "repository:public/app:pull",
        );
        for worker in &mut self.workers {
            worker.send(&next);
            assert_eq!(worker.answer().map(|answer| answer.status), Some(401));
            worker.send(&public);
            let answer = worker.answer().expect("the connection stays open");
            assert_granted(&answer, "", &json!({"public/app": ["pull", "push"]}), "a wrong file");
        }
    }
}

#[test]
fn the_file_is_edited_under_load_and_nothing_is_lost() {
    let pairs = [Algorithm::Es256; 2].map(Certified::self_signed);
    let site = Site::new(&edited(0, &json!(["pull"])));
    write_pair(&site, &pairs[0]);
    let mut program = site.start();
    let mut proxy = Proxy::start(Envoy::managed(&site.socket()).concurrency(2));
    let mut dealt = proxy.envoy.connections(CLIENTS + 1);
    let workers: Vec<_> = dealt.iter_mut().filter_map(Vec::pop).collect();
    assert_eq!(workers.len(), 2);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in dealt.into_iter().flatten() {
            scope.spawn(|| ask_until(client, &stop, &asked, &pairs));
        }
        let stop = Stop(&stop);
        let mut looking = Looking {
            site: &site,
            program: &mut program,
            workers,
            pairs: &pairs,
        };
        for round in 0..soak::times(ROUNDS) {
            let before = asked.load(Ordering::Relaxed);
            looking.play(round);
            assert!(asked.load(Ordering::Relaxed) > before, "clients ask meanwhile");
        }
        drop(stop);
    });
    assert_eq!(proxy.envoy.counter("http.registry.downstream_rq_5xx"), 0);
    proxy.assert_at_rest("all edits");
}
