use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::reply::Refusal;

const FORM: &str = "application/x-www-form-urlencoded";

fn head(method: Method, query: &str) -> Head {
    Head {
        method,
        query: query.as_bytes().to_vec(),
        authorization: None,
        content_type: None,
        address: Ok("192.0.2.7".parse().unwrap()),
    }
}

fn get(query: &str) -> Result<TokenRequest, Refusal> {
    head(Method::Get, query).with_body(b"")
}

fn get_as(credentials: &str, query: &str) -> Result<TokenRequest, Refusal> {
    let authorization = format!("Basic {}", STANDARD.encode(credentials));
    Head {
        authorization: Some(Secret::new(authorization.into_bytes())),
        ..head(Method::Get, query)
    }
    .with_body(b"")
}

fn post(body: &str) -> Result<TokenRequest, Refusal> {
    post_to("", body)
}

fn post_to(query: &str, body: &str) -> Result<TokenRequest, Refusal> {
    Head {
        content_type: Some(FORM.as_bytes().to_vec()),
        ..head(Method::Post, query)
    }
    .with_body(body.as_bytes())
}

#[track_caller]
fn assert_password(request: Result<TokenRequest, Refusal>, name: &str, secret: &str) {
    match request.unwrap().credentials {
        Credentials::Password { account, password } => {
            assert_eq!(
                (account.as_str(), password.expose().as_slice()),
                (name, secret.as_bytes())
            );
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_anonymous(request: Result<TokenRequest, Refusal>) {
    assert!(matches!(request.unwrap().credentials, Credentials::Anonymous));
}

fn scopes(request: &TokenRequest) -> Vec<String> {
    request.scopes.iter().map(ToString::to_string).collect()
}

#[test]
fn both_forms_of_several_scopes_work_on_both_methods() {
    for request in [
        get("service=r&scope=repository:a:pull&scope=repository:b:push"),
        get("service=r&scope=repository:a:pull+repository:b:push"),
        get("service=r&scope=repository:a:pull%20repository:b:push&scope="),
        post("service=r&scope=repository:a:pull&scope=repository:b:push"),
        post("service=r&scope=repository%3Aa%3Apull+repository%3Ab%3Apush"),
        post_to("scope=repository:b:push", "service=r&scope=repository:a:pull"),
    ] {
        let request = request.unwrap();
        assert_eq!(scopes(&request), ["repository:a:pull", "repository:b:push"]);
        assert_eq!(request.service.as_str(), "r");
    }
}

#[test]
fn no_credentials_are_anonymous_whatever_account_says() {
    assert_anonymous(get("service=r"));
    assert_anonymous(get("account=ada"));
    assert_anonymous(get_as(":", "account=ada"));
    assert_anonymous(post(""));
    assert_anonymous(post("username=&password="));
}

#[test]
fn a_post_reads_docker_auths_form_where_grant_type_is_not_named() {
    assert_password(post("username=ada&password=x"), "ada", "x");
    assert_password(post("username=ada&password=x&account=ada"), "ada", "x");
    assert_password(post("username=ada"), "ada", "");
    assert_eq!(post("password=x").unwrap_err(), Refusal::Unproven(Unproven::NoName));
}

#[test]
fn a_post_of_the_oauth_form_brings_what_it_says() {
    assert_password(post("grant_type=password&username=ada&password=x%26y"), "ada", "x&y");
    assert_password(post("grant_type=password&username=ada&password="), "ada", "");
    let missing = |name| Err(Refusal::Malformed(Malformed::Missing(name)));
    assert_eq!(post("grant_type=password&password=").map(|_| ()), missing("username"));
    assert_eq!(
        post("grant_type=password&username=ada").map(|_| ()),
        missing("password")
    );
    assert_eq!(post("grant_type=refresh_token").map(|_| ()), missing("refresh_token"));
    assert!(matches!(
        post("grant_type=refresh_token&refresh_token=t").unwrap().credentials,
        Credentials::RefreshToken(token) if token.expose() == "t"
    ));
    for grant_type in ["", "client_credentials", "PASSWORD"] {
        assert!(matches!(
            post(&format!("grant_type={grant_type}&username=a&password=b")),
            Err(Refusal::Malformed(Malformed::Unsupported {
                parameter: "grant_type",
                ..
            }))
        ));
    }
}

#[test]
fn a_refresh_token_may_stand_in_basic() {
    let request = get_as("t0ken:REFRESH", "service=r").unwrap();
    assert!(matches!(request.credentials, Credentials::RefreshToken(token) if token.expose() == "t0ken"));
}

#[test]
fn the_account_named_beside_the_credentials_is_theirs() {
    assert_password(get_as("ada:x", "account=ada"), "ada", "x");
    let other = |name| Err(Refusal::Malformed(Malformed::OtherAccount(name)));
    assert_eq!(get_as("ada:x", "account=bob").map(|_| ()), other("account"));
    assert_eq!(get_as("ada:x", "account=").map(|_| ()), other("account"));
    assert_eq!(
        post("username=ada&password=x&account=bob").map(|_| ()),
        other("account")
    );
    assert_eq!(
        post_to("account=bob", "username=ada&password=x").map(|_| ()),
        other("account")
    );
}

#[test]
fn the_header_counts_before_the_form_and_the_two_name_one_account() {
    let with_header = |body: &str| {
        let authorization = format!("Basic {}", STANDARD.encode("ada:x"));
        let head = Head {
            authorization: Some(Secret::new(authorization.into_bytes())),
            content_type: Some(FORM.as_bytes().to_vec()),
            ..head(Method::Post, "")
        };
        head.with_body(body.as_bytes())
    };
    assert_password(with_header("grant_type=password&service=r"), "ada", "x");
    assert_password(with_header("username=ada&password=y"), "ada", "x");
    let other = Err(Refusal::Malformed(Malformed::OtherAccount("username")));
    assert_eq!(with_header("username=bob&password=y").map(|_| ()), other);
}

#[test]
fn a_secret_in_the_query_is_refused_and_never_read() {
    for query in ["username=ada&password=x", "refresh_token=t"] {
        assert!(
            matches!(get(query), Err(Refusal::Malformed(Malformed::SecretInQuery(_)))),
            "{query}"
        );
        assert!(
            matches!(post_to(query, ""), Err(Refusal::Malformed(Malformed::SecretInQuery(_)))),
            "{query}"
        );
    }
}

#[test]
fn an_unusable_authorization_header_is_401_and_two_of_them_400() {
    let with_header = |value: &str| {
        let head = Head {
            authorization: Some(Secret::new(value.as_bytes().to_vec())),
            ..head(Method::Get, "")
        };
        head.with_body(b"").map(|_| ())
    };
    assert_eq!(with_header("Bearer x"), Err(Refusal::Unproven(Unproven::ForeignScheme)));
    assert_eq!(with_header("Basic ???"), Err(Refusal::Unproven(Unproven::BrokenHeader)));
    assert_eq!(
        with_header("Basic OnB3"),
        Err(Refusal::Unproven(Unproven::BrokenHeader))
    ); // `:pw`
    assert_eq!(
        with_header("Basic YTpi,Basic YTpi"),
        Err(Refusal::Malformed(Malformed::TwoAuthorizations))
    );
}

#[test]
fn a_post_that_is_no_form_is_415_and_never_anonymous() {
    let post_as = |content_type: Option<&str>, body: &str| {
        let content_type = content_type.map(|text| text.as_bytes().to_vec());
        Head {
            content_type,
            ..head(Method::Post, "")
        }
        .with_body(body.as_bytes())
        .map(|_| ())
    };
    assert_eq!(
        post_as(Some("Application/X-WWW-Form-Urlencoded; charset=utf-8"), "service=r"),
        Ok(())
    );
    assert_eq!(post_as(None, ""), Ok(()));
    for content_type in [
        None,
        Some("application/json"),
        Some("multipart/form-data; boundary=x"),
        Some(""),
    ] {
        assert_eq!(
            post_as(content_type, "service=r"),
            Err(Refusal::NotAForm),
            "{content_type:?}"
        );
    }
    assert_eq!(post_as(Some("multipart/form-data"), ""), Err(Refusal::NotAForm));
}

#[test]
fn offline_is_asked_for_by_either_word() {
    assert!(get("offline_token=true").unwrap().offline);
    assert!(post("access_type=offline").unwrap().offline);
    assert!(!get("offline_token=false").unwrap().offline);
    assert!(!post("access_type=online").unwrap().offline);
    assert!(get("offline_token=maybe").is_err());
    assert!(post("access_type=sometimes").is_err());
}

#[test]
fn limits_and_unreadable_parts_are_refused_and_not_cut() {
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    let long_password = Err(Refusal::Malformed(Malformed::LongPassword));
    assert_eq!(get_as(&format!("ada:{long}"), "").map(|_| ()), long_password);
    assert_password(get_as(&format!("ada:{}", &long[1..]), ""), "ada", &long[1..]);
    let big = format!("a={}", "x".repeat(MAX_BODY_BYTES));
    assert_eq!(post(&big).map(|_| ()), Err(Refusal::BodyTooLarge));
    assert!(matches!(
        get("service=a&service=b"),
        Err(Refusal::Malformed(Malformed::Form(_)))
    ));
    assert!(matches!(get("scope=%"), Err(Refusal::Malformed(Malformed::Form(_)))));
    assert!(matches!(get("scope=x"), Err(Refusal::Malformed(Malformed::Scope(_)))));
    assert!(matches!(
        get("service=a%00b"),
        Err(Refusal::Malformed(Malformed::Service(_)))
    ));
    assert!(matches!(
        get_as("a\u{1}b:x", ""),
        Err(Refusal::Malformed(Malformed::Account(_)))
    ));
}

#[test]
fn without_an_address_nothing_is_decided() {
    let head = Head {
        address: Err(AddressError::NoAddress),
        ..head(Method::Get, "")
    };
    assert!(matches!(
        head.with_body(b""),
        Err(Refusal::Malformed(Malformed::Address(_)))
    ));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(
        query in proptest::collection::vec(any::<u8>(), 0..60),
        body in proptest::collection::vec(any::<u8>(), 0..60),
        authorization in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        post in any::<bool>(),
    ) {
        let head = Head {
            method: if post { Method::Post } else { Method::Get },
            query,
            authorization: authorization.map(Secret::new),
            content_type: Some(FORM.as_bytes().to_vec()),
            address: Ok("192.0.2.7".parse().unwrap()),
        };
        let _ = head.with_body(&body);
    }
}

#[test]
fn a_header_that_names_nobody_hides_nothing_that_the_form_brings() {
    let nobody = |form: &str| {
        let request = Head {
            authorization: Some(Secret::new(b"Basic Og==".to_vec())),
            content_type: Some(FORM.as_bytes().to_vec()),
            ..head(Method::Post, "")
        };
        request.with_body(form.as_bytes()).map(|request| request.credentials)
    };
    let form = "grant_type=password&username=ada&password=x";
    assert!(matches!(nobody(form), Ok(Credentials::Password { account, .. }) if account.as_str() == "ada"));
    let form = "grant_type=refresh_token&refresh_token=t";
    assert!(matches!(nobody(form), Ok(Credentials::RefreshToken(_))));
    assert!(matches!(nobody("service=r"), Ok(Credentials::Anonymous)));
}
