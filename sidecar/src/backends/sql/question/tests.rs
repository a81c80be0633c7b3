use proptest::prelude::*;
use registry_auth_core::secret::Secret;

use super::*;

fn statement(query: &str, kind: Kind) -> Result<(String, usize), String> {
    let (statement, parameters) = with_parameters(query, kind).map_err(|fault| fault.to_string())?;
    Ok((statement.text.to_string(), parameters))
}

#[test]
fn the_account_becomes_a_parameter_and_nothing_else_does() {
    let query = "SELECT h AS password_hash, l::text AS labels FROM u WHERE n = :account OR m = :account";
    assert_eq!(
        statement(query, Kind::Postgres).unwrap(),
        (query.replace(":account", "$1"), 1)
    );
    assert_eq!(
        statement("SELECT h FROM u WHERE n = :account OR m = :account", Kind::MySql).unwrap(),
        ("SELECT h FROM u WHERE n = ? OR m = ?".to_owned(), 2)
    );
    for (kind, kept) in [
        (Kind::Postgres, "a::account"),
        (Kind::Postgres, "':account'"),
        (Kind::Postgres, "'it''s :account'"),
        (Kind::Postgres, "\":account\""),
        (Kind::Postgres, "-- :account\n"),
        (Kind::Postgres, "/* :account */"),
        (Kind::Postgres, "$$ :account $$"),
        (Kind::Postgres, "$a$ :account $$ $a$"),
        (Kind::Postgres, "a[1:2] ? 'b'"),
        (Kind::MySql, "'it\\'s :account ?'"),
        (Kind::MySql, "`:account`"),
        (Kind::MySql, "# :account ?\n"),
        (Kind::Sqlite, "[:account]"),
        (Kind::Sqlite, "'\\'"),
    ] {
        let (text, _) = statement(&format!("{kept} = :account"), kind).unwrap();
        let parameter = if kind == Kind::Postgres { "$1" } else { "?" };
        assert_eq!(text, format!("{kept} = {parameter}"));
    }
}

#[test]
fn a_query_that_does_not_ask_for_the_account_is_refused() {
    for (query, kind, fault) in [
        ("SELECT 1", Kind::Postgres, "0..8: does not hold `:account`"),
        ("SELECT ':account'", Kind::MySql, "0..17: does not hold `:account`"),
        ("n = :name", Kind::Sqlite, "4..9: `:name` is not known"),
        ("n = :accounts", Kind::Sqlite, "4..13: `:accounts` is not known"),
        ("n = ?", Kind::MySql, "4..5: `?` stands for nothing here"),
        ("n = ':account", Kind::MySql, "0..13: does not hold `:account`"),
    ] {
        let told = statement(query, kind).unwrap_err();
        assert!(told.starts_with(fault), "{query}: {told}");
    }
}

fn row(username: Option<&str>, labels: &str) -> Row {
    let cell = |text: &str| Some(Secret::new(text.as_bytes().to_vec()));
    Row::from_iter([username.and_then(cell), None, cell(labels)])
}

#[test]
fn of_the_rows_the_first_of_the_very_name_counts() {
    let mut question = Question {
        statement: Statement::plain(""),
        parameters: 0,
        rows: Rows::Table,
    };
    let chosen = |question: &Question, rows| {
        let row = question.choose(rows, "bob").map_err(|error| error.to_string())?;
        Ok::<_, String>(row.map(|row| String::from_utf8(row.labels().unwrap().to_vec()).unwrap()))
    };
    let rows = || {
        vec![
            row(Some("BOB"), "1"),
            row(Some("bob "), "2"),
            row(Some("bob"), "3"),
            row(Some("bob"), "4"),
        ]
    };
    assert_eq!(chosen(&question, rows()).unwrap().as_deref(), Some("3"));
    assert_eq!(chosen(&question, vec![row(Some("BOB"), "1")]).unwrap(), None);
    assert_eq!(chosen(&question, vec![row(None, "1")]).unwrap(), None);
    question.rows = Rows::Query;
    assert_eq!(chosen(&question, vec![row(None, "1")]).unwrap().as_deref(), Some("1"));
    assert_eq!(chosen(&question, vec![row(Some("BOB"), "1")]).unwrap(), None);
    assert_eq!(
        chosen(&question, vec![row(Some("BOB"), "1"), row(Some("bob"), "2")])
            .unwrap()
            .as_deref(),
        Some("2")
    );
    assert_eq!(
        chosen(&question, vec![row(None, "1"), row(None, "2")]).unwrap_err(),
        "gave 2 rows for one account; see `query`"
    );
}

/// The same, slow and obvious: what is quoted or a comment is cut out first.
fn parameters_of(pieces: &[&str]) -> usize {
    pieces.iter().filter(|piece| **piece == ":account").count()
}

proptest! {
    #[test]
    fn parameters_are_counted_outside_of_quotes_alone(
        pieces in prop::collection::vec(
            prop::sample::select(vec![":account", "' :account '", "\"?:account\"", "/*:account*/", "-- :account\n", "a::b", " x = "]),
            0..8,
        ),
    ) {
        let query = pieces.join(" ");
        let expected = parameters_of(&pieces);
        for kind in [Kind::MySql, Kind::Postgres, Kind::Sqlite] {
            let found = statement(&query, kind).map_or(0, |(_, parameters)| parameters);
            prop_assert_eq!(found, if kind == Kind::Postgres { expected.min(1) } else { expected });
        }
    }

    #[test]
    fn no_query_makes_it_stumble(query in "[:a?'\"`$\\\\/*\\-#é\n\\[\\]]{0,30}", any in ".{0,30}") {
        for kind in [Kind::MySql, Kind::Postgres, Kind::Sqlite] {
            let _ = (statement(&query, kind), statement(&any, kind));
        }
    }
}
