use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let arguments = line.split_whitespace().map(OsString::from);
    parse(arguments)
        .map(|invocation| invocation.command)
        .map_err(|error| error.to_string())
}

fn serve(line: &str) -> Serve {
    match parsed(line) {
        Ok(Command::Serve(serve)) => serve,
        other => panic!("{other:?}"),
    }
}

#[test]
fn serve_takes_docker_auths_flags_and_ours() {
    let plain = serve("auth.yml");
    assert_eq!(plain.listen(), Listen::AsConfigured);
    assert_eq!(plain.logging(), Logging::default());
    assert_eq!(plain.files, [PathBuf::from("auth.yml")]);
    for line in [
        "-v=2 a.yml",
        "--v=2 a.yml",
        "-v 2 a.yml",
        "--v 2 a.yml",
        "-v2 a.yml",
        "a.yml -v=2",
    ] {
        assert_eq!(serve(line).logging().verbosity, 2, "{line}");
    }
    let all = serve("serve --listen none --log-format json a.yml b.yml");
    assert_eq!(all.listen(), Listen::Nowhere);
    assert_eq!(all.logging().format, Format::Json);
    assert_eq!(all.files.len(), 2);
    assert_eq!(
        serve("--listen=:5001 a.yml").listen(),
        Listen::At(Address::parse(":5001").unwrap())
    );
}

#[test]
fn health_wants_an_address_or_a_configuration() {
    assert!(matches!(
        parsed("health --admin 127.0.0.1:9001"),
        Ok(Command::Health(_))
    ));
    assert!(matches!(parsed("health a.yml"), Ok(Command::Health(_))));
    assert!(parsed("health").is_err());
}

#[test]
fn what_is_wrong_ends_with_2_and_help_with_0() {
    for (line, code) in [
        ("--help", 0),
        ("serve --help", 0),
        ("--version", 0),
        ("", 2),
        ("--unknown a.yml", 2),
        ("--listen nowhere a.yml", 2),
        ("-v=x a.yml", 2),
    ] {
        let error = parse(line.split_whitespace().map(OsString::from)).unwrap_err();
        assert_eq!(error.exit_code(), code, "{line}");
    }
}

#[test]
fn each_help_opens_with_what_the_command_answers_and_ends_with_two_examples() {
    // As wide as on no terminal, whoever runs this.
    let mut cli = Cli::command().term_width(100);
    cli.build();
    insta::assert_snapshot!("help", cli.render_long_help());
    for name in [
        "serve",
        "health",
        "check",
        "explain",
        "who",
        "diff",
        "render",
        "users",
        "acl",
        "hash-password",
        "keygen",
        "token",
        "doctor",
        "version",
        "completions",
        "man",
    ] {
        let command = cli.find_subcommand_mut(name).unwrap();
        let mut command = command.clone().term_width(100);
        insta::assert_snapshot!(format!("help_{name}"), command.render_long_help());
    }
    for name in ["users", "acl"] {
        let command = cli.find_subcommand_mut(name).unwrap();
        let each = command.get_subcommands().filter(|command| command.get_name() != "help");
        let each = each.map(|command| command.clone().term_width(100).render_long_help().to_string());
        insta::assert_snapshot!(format!("help_{name}_each"), each.collect::<Vec<_>>().join("\n\n"));
    }
}
