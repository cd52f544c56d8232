//! What a request is compared with, for those who want to know why it went where it went.

use bootwire::router::{App, Fit, Pattern, Rewrite};
use bootwire::{Op, Request, Router};

use super::{request, tell};

fn verdicts(app: &App, request: &Request) -> Vec<String> {
    let verdicts = app.compare(request).into_iter();
    verdicts
        .map(|verdict| match verdict {
            Fit::OtherPath => "other path".to_owned(),
            Fit::KeptOut(seen) => format!("kept out with {:?}", seen.param("name")),
            Fit::Renamed(seen) => format!("now {}", seen.path()),
            Fit::Restarted(seen) => format!("anew as {}", seen.path()),
            Fit::NoPath(seen) => format!("no path from {}", seen.path()),
            Fit::Taken(seen) => format!("taken with {:?}", seen.param("name")),
            _ => "something new".to_owned(),
        })
        .collect()
}

fn app() -> App {
    let old = Pattern::parse("/old/{*path}").unwrap();
    let new = Rewrite::parse("/{path}", &old).unwrap();
    let guarded = Router::new().read("/{name}", async || "guarded");
    let router = Router::new()
        .read("/motd", async || "first")
        .rewrite(old, new)
        .write("/{name}", async || tell("a write"))
        .when(|request| request.local().port() == 6969, guarded)
        .read("/{name}", async || "last")
        .read("/{*path}", async || "never seen");
    router.into()
}

#[test]
fn every_route_up_to_the_one_that_takes_it_is_told() {
    let app = app();
    assert_eq!(
        verdicts(&app, &request(Op::Read, "old/a")),
        [
            "other path",
            "now /a",
            "kept out with Some(\"a\")",
            "taken with Some(\"a\")"
        ]
    );
    assert_eq!(
        verdicts(&app, &request(Op::Read, "motd")),
        ["taken with None"]
    );
    assert_eq!(
        verdicts(&app, &request(Op::Write, "a")),
        ["other path", "taken with Some(\"a\")"]
    );
}

#[test]
fn nobody_takes_what_no_route_is_for() {
    let app = App::from(Router::new().read("/a", async || "a"));
    assert_eq!(verdicts(&app, &request(Op::Read, "b")), ["other path"]);
    assert!(verdicts(&app, &request(Op::Write, "a")).is_empty());
}

#[test]
fn a_new_name_that_is_none_ends_it() {
    let old = Pattern::parse("/{a}x{b}").unwrap();
    let new = Rewrite::parse("/{a}{b}/y", &old).unwrap();
    let app = App::from(Router::new().rewrite(old, new).fallback(async || "never"));
    assert_eq!(
        verdicts(&app, &request(Op::Read, ".x.")),
        ["no path from /.x."]
    );
}

#[test]
fn a_request_made_by_hand_may_have_asked_any_address() {
    let asked = request(Op::Read, "a").arrived_at("192.0.2.1:6969".parse().unwrap(), 7);
    assert_eq!(asked.local(), "192.0.2.1:6969".parse().unwrap());
    assert_eq!(asked.interface(), 7);
    assert_eq!(asked.path(), "/a");
    assert_eq!(
        verdicts(&app(), &asked).last().unwrap(),
        "taken with Some(\"a\")"
    );
    assert_eq!(verdicts(&app(), &asked).len(), 3, "the guard lets it in");
}

#[test]
fn a_request_begins_anew_and_not_for_ever() {
    let digit = Pattern::regex("[0-9]").unwrap();
    let anew = |with| Rewrite::replace(with, &digit).unwrap().restarting();
    let router = |with| {
        Router::new()
            .read("/name", async || "first")
            .rewrite(digit.clone(), anew(with))
            .read("/{name}", async || "last")
    };
    let app = App::from(router(""));
    assert_eq!(
        verdicts(&app, &request(Op::Read, "n1am2e")),
        [
            "other path",
            "anew as /nam2e",
            "other path",
            "anew as /name",
            "taken with None"
        ]
    );
    let app = App::from(router("1"));
    let fits = verdicts(&app, &request(Op::Read, "x1"));
    assert_eq!(fits.last().map(String::as_str), Some("no path from /x1"));
    assert_eq!(fits.len(), 2 * 33);
    let refusal = app.at_hand(&request(Op::Read, "x1")).unwrap().unwrap_err();
    assert_eq!(refusal.client_text(), "Bad file name");
}
