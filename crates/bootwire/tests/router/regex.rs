//! Regular expressions as patterns.

use bootwire::router::{App, ParamText, Pattern};
use bootwire::{Op, Router};

use super::conditions::tell_path;
use super::{read, request, told};

fn regex(source: &str) -> Pattern {
    Pattern::regex(source).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn an_expression_is_looked_for_anywhere_and_its_groups_are_parameters() {
    let router = || {
        Router::new()
            .read(regex(r"^/(?<site>[a-z]+)/.*\.(cfg|txt)$"), tell_path)
            .read(regex("middle"), tell_path)
            .read(regex("^(/a)?(/b)?c$"), tell_path)
    };
    let of = async |path| told(read(router(), path).await);
    assert_eq!(
        of("lab/r1.cfg").await,
        r#"/lab/r1.cfg lab/r1.cfg [("site", "lab"), ("2", "cfg")]"#
    );
    assert_eq!(
        of("in the middle of").await,
        "/in the middle of in the middle of []"
    );
    assert_eq!(of("bc").await, r#"/bc bc [("1", ""), ("2", "/b")]"#);
}

#[test]
fn it_sees_the_path_or_the_name_as_sent() {
    let path = regex("^/boot/BCD$");
    let sent = regex(r"^\\boot\\BCD$").as_sent();
    for name in [r"\boot\BCD", "boot//BCD", "boot/BCD"] {
        let request = request(Op::Read, name);
        assert!(path.takes(&request), "{name}");
        assert_eq!(sent.takes(&request), name == r"\boot\BCD", "{name}");
    }
    assert_ne!(path, path.clone().as_sent());
}

#[test]
fn case_is_the_router_s_and_a_rule_s() {
    let strict = Router::new().read(regex("^/BOOT"), async || "exact");
    let loose = || Router::new().read(regex("^/boot"), async || "any case");
    let app = App::from(strict.merge(loose().case_insensitive()));
    let route = |path| app.route_of(&request(Op::Read, path)).map(str::to_owned);
    assert_eq!(route("BOOT").as_deref(), Some("^/BOOT"));
    assert_eq!(route("Boot").as_deref(), Some("^/boot"));
    let app = App::from(loose());
    assert_eq!(app.route_of(&request(Op::Read, "Boot")), None);
    let inline = App::from(Router::new().read(regex("(?i)^/boot"), async || ""));
    assert!(inline.route_of(&request(Op::Read, "Boot")).is_some());
}

#[test]
fn mistakes_are_shown_with_their_column() {
    for (source, column, words) in [
        ("", 1, "empty expression"),
        ("^/(abc", 3, "unclosed group"),
        (r"(a)\1", 4, "backreferences are not supported"),
        ("a(?=b)", 2, "look-around"),
        ("a**b[", 5, "unclosed character class"),
        ("ä\u{7}", 2, "control character"),
        (r"\pL", 1, "Unicode"),
        (r"(\w{1,200}){200}", 1, "would take too long"),
    ] {
        let error = Pattern::regex(source).unwrap_err();
        assert_eq!(error.column(), column, "{error}");
        assert!(error.problem().contains(words), "{source}: {error}");
    }
    assert!(Pattern::regex(&"a".repeat(501)).is_err());
    assert!(Pattern::regex(&format!("{}a{}", "(".repeat(60), ")".repeat(60))).is_err());
}

#[test]
fn text_has_groups_by_name_and_number() {
    let pattern = regex("^/(?<arch>[^/]+)/(.*)$");
    for text in ["{arch}", "{1} {2} {0}", "{2:upper}", "{client}"] {
        assert!(ParamText::parse(text, &pattern).is_ok(), "{text}");
    }
    for text in ["{3}", "{01}x{4}", "{0:upper}", "{name}"] {
        assert!(ParamText::parse(text, &pattern).is_err(), "{text}");
    }
}

/// A matcher that goes back and tries again would still be busy when the sun burns out.
#[test]
fn hostile_paths_take_no_time() {
    for source in [
        "^/(a*)*$",
        "^/(a|a)*$",
        "^/(.*)*(.*)*(.*)*$x",
        "(([^/]+)+/)+x",
    ] {
        let pattern = regex(source);
        let path = format!("/{}", "a".repeat(2000));
        assert!(!pattern.is_match(format!("{path}!").as_bytes()) || !source.ends_with('x'));
    }
}
