//! Made-up accounts as fast as they can be asked for: hashes take their share of a worker's time, and all who need none
//! are served.

use std::sync::atomic::AtomicU32;

use registry_auth_tests::http::upstream::{self, Upstream};

use super::*;

/// `ada-secret`, bcrypt of cost 10: thirty times what is advised.
const DEAR: &str = "$2b$10$6/nGFIomzAbVCZh0USmxau5n28l8wwmeAIpOMDkFZMohHsMGRPFsq";
/// Of a worker's time; half of it for one address.
const SHARE: f64 = 0.2;
/// So many seconds' share may be taken at once.
const SAVED_UP: f64 = 2.0;
/// Connections to each worker: these ask for made-up accounts, and two are for others.
const FLOODING: usize = 4;
/// Each worker is asked for at least so many, and computes at least so many hashes: few enough for a slow machine, where
/// one takes seconds.
const ASKED: u32 = 1000;
const HASHES: u32 = 5;

/// The connections to one worker.
struct Clients {
    flooding: Vec<Connection>,
    /// Needs no hash.
    bystander: Connection,
    /// Needs one.
    newcomer: Connection,
}

/// What came of a flood on one worker.
#[derive(Debug, Default)]
struct Tally {
    hashed: AtomicU32,
    put_off: AtomicU32,
    /// Those who need no hash.
    served: AtomicU32,
}

/// A flood that is over.
struct Flood {
    name: &'static str,
    /// The most of a worker's time that hashes may take for it.
    share: f64,
    seconds: f64,
    tallies: Vec<Tally>,
}

#[test]
fn a_flood_of_made_up_accounts_takes_its_share_of_each_worker_and_no_more() {
    let registry = Upstream::start();
    let mut config = config_with("throttle.hash_share", json!(SHARE));
    for account in ["ada", "bob", "eve"] {
        config["users"][account] = json!({"password": DEAR});
    }
    config["cache"]["credentials_ttl"] = json!("1h");
    let setup = setup(&config).concurrency(2).trusted_hops(1).registry(registry.port());
    let mut envoy = setup.start();
    let mut workers: Vec<_> = envoy.connections(FLOODING + 2).into_iter().map(Clients::new).collect();
    for worker in &mut workers {
        assert_let_in_when_told(&mut worker.bystander, HERS, "ada");
    }
    let one_hash = longest(&took(&envoy.wait_for_audit_lines(2), "ada"));

    let many = |number| address(number % ADDRESSES, 1);
    let from_many = flood("many", SHARE, &mut workers, many, |_, tallies| {
        wait_for_enough(tallies, SHARE, one_hash);
    });
    for worker in &mut workers {
        assert_let_in_when_told(&mut worker.newcomer, "192.0.2.2", "bob");
    }
    // Who takes all that one address may leaves something for a newcomer from elsewhere.
    let one = |_| "203.0.113.7".to_owned();
    let from_one = flood("one", SHARE / 2.0, &mut workers, one, |newcomers, tallies| {
        for newcomer in newcomers {
            process::wait_until("let in while others are put off", LIMIT, || {
                (sign_in(newcomer, "192.0.2.3", "eve", "ada-secret").status == 200).then_some(())
            });
        }
        wait_for_enough(tallies, SHARE / 2.0, one_hash);
    });

    let tallies = from_many.tallies.iter().chain(&from_one.tallies);
    let hashed: u32 = tallies.map(|tally| count(&tally.hashed)).sum();
    let users = 3 * 2;
    assert_eq!(
        hashes(&envoy),
        u64::from(hashed + users),
        "none for whoever was put off"
    );
    assert_eq!(
        envoy.counter("wasmcustom.registry_auth.token_requests.result.braked"),
        0
    );
    let records = wait_for_records(&mut envoy, hashed);
    assert_share_was_kept(&from_many, &records);
    assert_share_was_kept(&from_one, &records);
    assert_no_worker_took_of_another(&from_many, &records);
}

impl Clients {
    fn new(mut connections: Vec<Connection>) -> Self {
        let mut one = || connections.pop().expect("there are two more than flood");
        Self {
            bystander: one(),
            newcomer: one(),
            flooding: connections,
        }
    }
}

/// Floods each worker on all its connections, from the address for each number, until `meanwhile` is done.
#[track_caller]
fn flood(
    name: &'static str,
    share: f64,
    workers: &mut [Clients],
    address: fn(usize) -> String,
    meanwhile: impl FnOnce(&mut [&mut Connection], &[Tally]),
) -> Flood {
    let tallies: Vec<_> = workers.iter().map(|_| Tally::default()).collect();
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    thread::scope(|scope| {
        let mut newcomers = Vec::new();
        for ((worker, clients), tally) in workers.iter_mut().enumerate().zip(&tallies) {
            let stop = &stop;
            for (number, client) in clients.flooding.iter_mut().enumerate() {
                let account = format!("{}-{number}", prefix(name, worker));
                scope.spawn(move || flood_until(client, &account, address, stop, tally));
            }
            let bystander = &mut clients.bystander;
            scope.spawn(move || stand_by_until(bystander, stop, tally));
            newcomers.push(&mut clients.newcomer);
        }
        let _stop = Stop(&stop);
        meanwhile(&mut newcomers, &tallies);
    });
    Flood {
        name,
        share,
        seconds: begun.elapsed().as_secs_f64(),
        tallies,
    }
}

/// What the names of the accounts begin with that one worker is asked for.
fn prefix(name: &str, worker: usize) -> String {
    format!("{name}-{worker}")
}

/// Tries an account after the other, each once.
fn flood_until(client: &mut Connection, account: &str, address: fn(usize) -> String, stop: &AtomicBool, tally: &Tally) {
    for number in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
        let answer = sign_in(client, &address(number), &format!("{account}-{number}"), "guess");
        if answer.status == 401 {
            tally.hashed.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_put_off(&answer, 1..=u64::MAX);
            tally.put_off.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Asks for what needs no hash; every answer must be 200.
fn stand_by_until(client: &mut Connection, stop: &AtomicBool, tally: &Tally) {
    let remembered = http::basic("ada", "ada-secret");
    let token = "/token?service=registry&scope=repository:public/app:pull";
    let requests = [
        raw::head("GET", "/v2/", &[]),
        raw::head("GET", token, &[]),
        raw::head(
            "GET",
            token,
            &[("authorization", &remembered), ("x-forwarded-for", HERS)],
        ),
    ];
    for request in requests.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
        client.send(request.as_bytes());
        let answer = client.answer().expect("the connection stays open");
        assert_eq!(answer.status, 200, "{request}{answer:?} {}", answer.text());
        assert_eq!(
            answer.text() == upstream::ANSWER,
            request.starts_with("GET /v2/"),
            "{}",
            answer.text()
        );
        tally.served.fetch_add(1, Ordering::Relaxed);
    }
}

/// Each worker is asked often, and has computed twice what was saved up.
#[track_caller]
fn wait_for_enough(tallies: &[Tally], share: f64, one_hash: f64) {
    process::wait_until("each worker is asked often and computes some hashes", LIMIT, || {
        let enough = |tally: &Tally| {
            let hashed = count(&tally.hashed);
            hashed >= HASHES
                && f64::from(hashed) * one_hash >= 2.0 * share * SAVED_UP
                && hashed + count(&tally.put_off) >= ASKED
        };
        tallies.iter().all(enough).then_some(())
    });
}

/// The records of those who were told that they are wrong, so many in all.
#[track_caller]
fn wait_for_records(envoy: &mut Envoy, hashed: u32) -> Vec<Value> {
    envoy.wait_until("the records of all", |envoy| {
        let mut records = envoy.audit_lines();
        records.retain(|record| record["result"] == "unauthorized");
        (records.len() >= hashed as usize).then_some(records)
    })
}

/// The seconds that the module took for each of those whose name begins like this: a hash, and next to nothing else.
fn took(records: &[Value], prefix: &str) -> Vec<f64> {
    let of_them = |record: &&Value| record["account"].as_str().is_some_and(|name| name.starts_with(prefix));
    let took = |record: &Value| record["took_us"].as_f64().expect("a record says how long it took") / 1e6;
    records.iter().filter(of_them).map(took).collect()
}

fn longest(took: &[f64]) -> f64 {
    took.iter().copied().fold(0.0, f64::max)
}

impl Flood {
    fn took_of(&self, worker: usize, records: &[Value]) -> Vec<f64> {
        took(records, &prefix(self.name, worker))
    }

    /// The most that hashes may have taken of one worker's time.
    fn most(&self, took: &[f64]) -> f64 {
        // One may begin as long as any time is left.
        self.share * (self.seconds + SAVED_UP) + longest(took)
    }
}

#[track_caller]
fn assert_share_was_kept(flood: &Flood, records: &[Value]) {
    for (worker, tally) in flood.tallies.iter().enumerate() {
        let took = flood.took_of(worker, records);
        assert_eq!(took.len(), count(&tally.hashed) as usize);
        let (sum, most) = (took.iter().sum::<f64>(), flood.most(&took));
        let told = format!("{sum} s of {} s from {}, {tally:?}", flood.seconds, flood.name);
        // With room for what else a request takes.
        assert!(sum <= 1.2 * most, "more than {most} s: {told}");
        assert!(
            sum >= flood.share * flood.seconds / 2.0,
            "what may be computed was not: {told}"
        );
        // If nobody were put off, there would be a hash for each flooding connection between two answers.
        assert!(count(&tally.served) >= 2 * count(&tally.hashed), "{told}");
    }
}

/// Each worker has a share of its own.
#[track_caller]
fn assert_no_worker_took_of_another(flood: &Flood, records: &[Value]) {
    let workers = 0..flood.tallies.len();
    let took: Vec<_> = workers.flat_map(|worker| flood.took_of(worker, records)).collect();
    let (sum, most_of_one) = (took.iter().sum::<f64>(), flood.most(&took));
    assert!(sum > most_of_one, "{sum} s and not above {most_of_one} s");
}

fn count(counter: &AtomicU32) -> u32 {
    counter.load(Ordering::Relaxed)
}
