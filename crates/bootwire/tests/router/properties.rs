//! What holds for every pattern and every path.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use bootwire::router::{App, Pattern, Rewrite};
use bootwire::{MacAddr, Op, Refusal, Reply, Request, Router};
use proptest::prelude::*;

/// A parameter's type, one spelling of a value, and the value handlers are to see.
fn value() -> impl Strategy<Value = (&'static str, String, String)> {
    let same = |kind: &'static str| move |text: String| (kind, text.clone(), text);
    prop_oneof![
        "[a-zA-Z0-9 ._üß-]{1,12}"
            .prop_filter("resolved away", |name| name != "." && name != "..")
            .prop_map(same("name")),
        "[0-9]{1,19}".prop_map(same("int")),
        "[A-Za-z0-9_-]{1,12}".prop_map(same("serial")),
        (any::<[u8; 6]>(), 0..4_u8, any::<bool>()).prop_map(|(bytes, spelling, upper)| {
            let mac = MacAddr::new(bytes);
            let [a, b, c, d, e, f] = bytes;
            let text = match spelling {
                0 => mac.to_string(),
                1 => mac.dashed(),
                2 => mac.to_string().replace(':', ""),
                _ => format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}"),
            };
            (
                "mac",
                if upper { text.to_uppercase() } else { text },
                mac.to_string(),
            )
        }),
        "[0-9A-Fa-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9A-F]{4}-[0-9a-f]{12}".prop_map(|uuid| (
            "uuid",
            uuid.clone(),
            uuid.to_lowercase()
        )),
        any::<IpAddr>().prop_map(|ip| ("ip", ip.to_string(), ip.to_string())),
        any::<u32>().prop_map(|bits| (
            "hex",
            format!("{bits:08X}"),
            Ipv4Addr::from(bits).to_string()
        )),
        prop::sample::select(vec!["x86_64-efi", "i386-pc", "aa64", "arm"]).prop_map(|arch| (
            "arch",
            arch.to_uppercase(),
            arch.to_owned()
        )),
    ]
}

proptest! {
    #[test]
    fn a_path_made_from_a_pattern_gives_its_values_back(
        parts in prop::collection::vec((value(), prop::sample::select(vec!["=", "/", "/x=", "=y/"])), 1..8),
        rest in prop::option::of("[a-z]{1,5}(/[a-z]{1,5}){0,3}"),
    ) {
        let (mut pattern, mut path, mut expected) = ("/".to_owned(), "/".to_owned(), Vec::new());
        for (index, ((kind, spelling, value), text)) in parts.into_iter().enumerate() {
            write!(pattern, "{{p{index}:{kind}}}{text}").unwrap();
            write!(path, "{spelling}{text}").unwrap();
            expected.push((format!("p{index}"), value));
        }
        pattern += "end";
        path += "end";
        if let Some(rest) = rest {
            pattern += "/{*rest}";
            write!(path, "/{rest}").unwrap();
            expected.push(("rest".to_owned(), rest));
        }

        let wanted = expected.clone();
        let app = App::from(Router::new().read(&*pattern, move |request: Request| {
            let found: Vec<_> = request.params().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let agrees = found == wanted;
            async move { if agrees { Ok(Reply::empty()) } else { Err(Refusal::internal().because(format!("{found:?}"))) } }
        }));
        let request = Request::synthetic(Op::Read, &path, "192.0.2.7:4000".parse().unwrap(), &[]).unwrap();
        prop_assert_eq!(app.route_of(&request), Some(&*pattern), "{}", path);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        if let Err(refusal) = runtime.block_on(app.call(request)) {
            prop_assert!(false, "{} {}: {}, not {:?}", pattern, path, refusal, expected);
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error_that_points_into_it(text in "/?([a-z/{}*:.\\\\ü]|\\{[a-z]{1,4}\\}){0,20}") {
        match Pattern::parse(&text) {
            Ok(pattern) => prop_assert_eq!(pattern.as_str(), text),
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column()), "{}", error),
        }
    }

    #[test]
    fn any_bytes_are_matched_or_not(
        path in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"/-.:0aF".to_vec())], 0..120),
        pattern in prop::sample::select(vec![
            "/{name}", "/{a}-{b}.{c}", "/{a:int}{{{b:serial}", "/{mac}", "/{x:mac}-{y:mac}", "/{a:ip}-{b:ip}",
            "/{a:ip}:{b:ip}", "/{ip:hex}{{{uuid}", "/{arch}-{b:arch}", "/{name}/{*rest}", "/{*rest}", "/", "/ü{a}ü{b}",
        ]),
    ) {
        let pattern = Pattern::parse(pattern).unwrap();
        let with_slash = [b"/".as_slice(), &path].concat();
        prop_assert!(!pattern.is_match(&path) || path.starts_with(b"/"));
        if pattern.as_str() == "/{*rest}" {
            prop_assert_eq!(pattern.is_match(&with_slash), !path.is_empty());
        } else if pattern.as_str() == "/{name}" {
            prop_assert_eq!(pattern.is_match(&with_slash), !path.is_empty() && !path.contains(&b'/'));
        } else {
            prop_assert!(!pattern.is_match(&with_slash) || with_slash.starts_with(b"/"));
        }
    }

    #[test]
    fn any_text_is_an_expression_or_an_error_that_points_into_it(
        text in "(\\PC|[a-z.*+?()\\[\\]{}|^$\\\\]){0,24}",
        path in "/?([a-c/.]){0,60}",
        with in "([a/.]|\\{[0-2]\\}|\\{client\\}){0,6}",
    ) {
        let pattern = match Pattern::regex(&text) {
            Ok(pattern) => pattern,
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column()), "{}", error);
                return Ok(());
            }
        };
        let peer = "192.0.2.7:4000".parse().unwrap();
        let Some(request) = Request::synthetic(Op::Read, &path, peer, &[]) else { return Ok(()) };
        let Ok(once) = Rewrite::replace(&with, &pattern) else { return Ok(()) };
        for to in [once.clone(), once.clone().repeated(), once.repeated().restarting()] {
            let router = Router::new().rewrite(pattern.clone(), to).fallback(async |request: Request| {
                let path = request.path();
                assert!(path.starts_with('/') && path.split('/').all(|name| name != ".."), "{path}");
                "told"
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            match runtime.block_on(App::from(router).call(request.clone())) {
                Ok(_) => {}
                Err(refusal) => prop_assert_eq!(refusal.client_text(), "Bad file name"),
            }
        }
    }
}
