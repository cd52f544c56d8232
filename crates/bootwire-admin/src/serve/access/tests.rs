use axum::http::Request;

use super::*;
use crate::endpoints::ENDPOINTS;

const TOKEN: &str = "0123456789abcdef";

fn way(at: &str) -> Way {
    let at: SocketAddr = at.parse().unwrap();
    Way::Tcp {
        at,
        tls: !at.ip().is_loopback(),
    }
}

fn endpoint(id: &str) -> &'static Endpoint {
    ENDPOINTS.iter().find(|endpoint| endpoint.id == id).unwrap()
}

/// The kind of the problem, or nothing.
fn refused(access: &Access, at: &str, id: &str, headers: &[(&str, &str)]) -> Option<String> {
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let result = access.check(way(at), endpoint(id), &parts);
    result.err().map(|problem| problem.kind)
}

fn open() -> Access {
    Access::new(None).unwrap()
}

fn guarded() -> Access {
    Access::new(Some(TOKEN.to_owned())).unwrap()
}

#[test]
fn a_name_that_another_page_gave_us_is_refused() {
    for (host, expected) in [
        ("localhost:9468", None),
        ("LOCALHOST", None),
        ("127.0.0.1:9468", None),
        ("127.8.8.8", None),
        ("[::1]:9468", None),
        ("evil.example:9468", Some("host")),
        ("localhost.evil.example", Some("host")),
        ("127.0.0.1.evil.example", Some("host")),
        ("10.0.0.1", Some("host")),
        ("", Some("host")),
    ] {
        let told = refused(&open(), "127.0.0.1:9468", "getStatus", &[("host", host)]);
        assert_eq!(told.as_deref(), expected, "{host}");
    }
    assert_eq!(
        refused(&open(), "127.0.0.1:9468", "getStatus", &[]).as_deref(),
        Some("host")
    );
}

#[test]
fn a_form_cannot_change_anything() {
    let host = ("host", "localhost");
    let ask = |id, more: &[(&str, &str)]| {
        let headers = [&[host], more].concat();
        refused(&open(), "127.0.0.1:9468", id, &headers)
    };
    assert_eq!(ask("getStatus", &[]), None);
    assert_eq!(ask("reload", &[]).as_deref(), Some("header"));
    assert_eq!(ask("signOut", &[]).as_deref(), Some("header"));
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(ask("drain", &[form]).as_deref(), Some("header"));
    assert_eq!(ask("reload", &[(CHANGES, "1")]), None);
    let other = ("sec-fetch-site", "cross-site");
    assert_eq!(ask("getStatus", &[other]).as_deref(), Some("other_site"));
    assert_eq!(
        ask(
            "reload",
            &[(CHANGES, "1"), ("sec-fetch-site", "same-origin")]
        ),
        None
    );
}

#[test]
fn nobody_gets_in_without_the_token() {
    let ask = |id, headers: &[(&str, &str)]| refused(&guarded(), "192.0.2.1:9468", id, headers);
    assert_eq!(ask("getStatus", &[]).as_deref(), Some("token"));
    assert_eq!(ask("getHealth", &[]), None);
    assert_eq!(ask("streamEvents", &[]).as_deref(), Some("token"));
    for wrong in [
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcde",
        "Basic 0123456789abcdef",
        "Bearer \u{e4}",
    ] {
        let told = ask("getStatus", &[("authorization", wrong)]);
        assert_eq!(told.as_deref(), Some("token"), "{wrong}");
    }
    let right = ("authorization", "bearer 0123456789abcdef");
    assert_eq!(ask("getStatus", &[right]), None);
    assert_eq!(
        ask("reload", &[right]),
        None,
        "no page can send that header"
    );
}

#[test]
fn the_cookie_stands_for_the_token_for_a_while() {
    let access = guarded();
    let at = "192.0.2.1:9468";
    assert!(access.sign_in("another", way(at)).is_err());
    let cookie = access.sign_in(TOKEN, way(at)).unwrap();
    assert!(
        cookie.ends_with("HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    assert!(!cookie.contains(TOKEN));
    let value = cookie.split(';').next().unwrap();
    let both = format!("other=1; {value}");
    assert_eq!(
        refused(&access, at, "getStatus", &[("cookie", &both)]),
        None
    );
    let told = refused(&access, at, "reload", &[("cookie", value)]);
    assert_eq!(
        told.as_deref(),
        Some("header"),
        "a cookie comes along with forms too"
    );
    assert_eq!(
        refused(&access, at, "reload", &[("cookie", value), (CHANGES, "1")]),
        None
    );
    let (name, seal) = value.split_once('.').unwrap();
    for forged in [
        format!("{name}0.{seal}"),
        format!("{name}.{}", &seal[1..]),
        format!("{COOKIE}=."),
        format!("{COOKIE}=99999999999.{}", "\u{e4}".repeat(32)),
    ] {
        let told = refused(&access, at, "getStatus", &[("cookie", &forged)]);
        assert_eq!(told.as_deref(), Some("token"), "{forged}");
    }
    let another = guarded();
    let told = refused(&another, at, "getStatus", &[("cookie", value)]);
    assert_eq!(told.as_deref(), Some("token"), "it ends with the process");
}

#[test]
fn a_unix_socket_is_guarded_by_its_file() {
    let (parts, ()) = Request::new(()).into_parts();
    guarded()
        .check(Way::Unix, endpoint("reload"), &parts)
        .unwrap();
}
