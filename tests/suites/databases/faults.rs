//! Databases that are away, come back, or hang.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use registry_auth_tests::stop::{Recoveries, Stop};

use crate::*;

/// Waits until grace is let in.
#[track_caller]
fn assert_recovers(program: &Sidecar, name: &str) {
    let what = format!("grace is let in by {name}");
    process::wait_until(&what, SOON, || {
        (status(program, "grace", "secret") == 200).then_some(())
    });
}

/// Those whom only the database could know get a 503, and nobody a wrong answer.
#[track_caller]
fn assert_away(program: &Sidecar, name: &str) {
    for account in ["grace", "nobody"].into_iter().cycle().take(10) {
        let answer = ask(program, account, "secret", "any:pull");
        assert_eq!(answer.status, 503, "{name}: {account}");
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    let log = program.log();
    assert!(log.contains("back-end is left alone"), "{name}: {log}");
    assert!(
        log.contains("failed again and again, and is not asked for another"),
        "{name}: {log}"
    );
    assert_eq!(status(program, "ada", "ada-secret"), 200, "{name}");
    assert_eq!(status(program, "ada", "wrong"), 401, "{name}");
}

#[test]
fn a_server_that_is_stopped_and_started_again_is_asked_again() {
    for mut database in [
        Database::Postgres(Postgres::start()),
        Database::MariaDb(MariaDb::start()),
    ] {
        let program = serve(&database.section());
        database.add("grace", "secret", None);
        let name = database.name();
        for _ in 0..soak::times(2) {
            assert_recovers(&program, name);
            stop(&mut database);
            assert_away(&program, name);
            start_again(&mut database);
            assert_recovers(&program, name);
            assert!(
                program
                    .log()
                    .contains("back-end answers, and is asked everything again")
            );
            // The kept connections are all dead now, and nobody is to notice.
            stop(&mut database);
            start_again(&mut database);
            assert_eq!(status(&program, "grace", "secret"), 200, "{name}: {}", program.log());
        }
    }
}

#[test]
fn one_that_is_down_at_the_start_is_asked_when_it_is_there() {
    for mut database in [
        Database::Postgres(Postgres::start()),
        Database::MariaDb(MariaDb::start()),
    ] {
        let name = database.name();
        stop(&mut database);
        let program = Sidecar::serve(&config(&database.section()));
        process::wait_until("the log says that it is away", SOON, || {
            program.log().contains("back-end is down").then_some(())
        });
        assert_away(&program, name);
        start_again(&mut database);
        process::wait_until("the database answers", SOON, || {
            (status(&program, "nobody", "x") == 401).then_some(())
        });
        database.add("grace", "secret", None);
        assert_recovers(&program, name);
    }
}

#[test]
fn one_that_hangs_holds_up_nobody_for_longer_than_is_said() {
    let server = MariaDb::start();
    let mut section = json!({"database_type": "mysql", "conn_string": server.conn_string("")});
    section["timeout"] = json!("1s");
    let program = serve(&section);
    let database = Database::MariaDb(server);
    database.add("grace", "secret", None);
    assert_recovers(&program, "MariaDB");
    let Database::MariaDb(server) = &database else {
        unreachable!()
    };
    server.hang();
    let begun = Instant::now();
    thread::scope(|scope| {
        for number in 0..20 {
            let name = format!("{}{number}", if number < 10 { "grace" } else { "nobody" });
            let program = &program;
            scope.spawn(move || assert_eq!(status(program, &name, "secret"), 503));
        }
        scope.spawn(|| assert_eq!(status(&program, "ada", "ada-secret"), 200));
    });
    assert!(program.log().contains("back-end is left alone"), "{}", program.log());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(
        program.log().contains("did not answer within 1000 ms; see `timeout`"),
        "{}",
        program.log()
    );
    server.go_on();
    assert_recovers(&program, "MariaDB");
}

#[test]
fn a_table_that_is_locked_is_waited_for_and_then_given_up() {
    let server = Postgres::start();
    let section =
        json!({"database_type": "postgres", "conn_string": server.conn_string("sslmode=disable"), "timeout": "1s"});
    let program = serve(&section);
    let database = Database::Postgres(server);
    database.add("grace", "secret", None);
    assert_recovers(&program, "PostgreSQL");
    let Database::Postgres(server) = &database else {
        unreachable!()
    };
    let locked = server.lock("xorm_user");
    for _ in 0..3 {
        assert_eq!(status(&program, "grace", "secret"), 503);
    }
    // What nobody waits for any longer keeps no connection of the server, though the lock is still there.
    process::wait_until("the server has given up, too", SOON, || {
        let waiting = server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
        (waiting.trim() == "0").then_some(())
    });
    drop(locked);
    assert_recovers(&program, "PostgreSQL");
}

#[track_caller]
pub fn stop(database: &mut Database) {
    match database {
        Database::Postgres(server) => server.stop(),
        Database::MariaDb(server) => server.stop(),
        Database::Sqlite(_) => {}
    }
}

#[track_caller]
pub fn start_again(database: &mut Database) {
    match database {
        Database::Postgres(server) => server.start_again(),
        Database::MariaDb(server) => server.start_again(),
        Database::Sqlite(_) => {}
    }
}

#[test]
fn a_server_that_is_stopped_under_load_lets_nobody_in_wrongly() {
    for mut database in [
        Database::Postgres(Postgres::start()),
        Database::MariaDb(MariaDb::start()),
    ] {
        let program = serve(&database.section());
        database.add("grace", "secret", None);
        let name = database.name();
        assert_recovers(&program, name);
        let is_over = AtomicBool::new(false);
        let (lets_in, denies, away) = (&[200][..], &[401][..], &[503][..]);
        thread::scope(|scope| {
            let _stop = Stop(&is_over);
            for (account, password, expected) in [
                ("grace", "secret", [lets_in, away].concat()),
                ("grace", "wrong", [denies, away].concat()),
                ("nobody", "secret", [denies, away].concat()),
                ("ada", "ada-secret", lets_in.to_vec()),
            ] {
                let (program, is_over) = (&program, &is_over);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        let status = status(program, account, password);
                        assert!(
                            expected.contains(&status),
                            "{name}: {status} for {account} with {password}"
                        );
                    }
                });
            }
            let mut recoveries = Recoveries::of(name);
            for _ in 0..soak::times(2) {
                stop(&mut database);
                process::wait_until("it is missed", SOON, || {
                    (status(&program, "grace", "secret") == 503).then_some(())
                });
                start_again(&mut database);
                recoveries.time(|| assert_recovers(&program, name));
            }
        });
    }
}
