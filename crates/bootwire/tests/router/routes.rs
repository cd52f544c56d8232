//! Which route answers.

use bootwire::router::{App, Pattern};
use bootwire::{Accept, Answer, ErrorCode, MacAddr, Op, Path, Refusal, Request, Router};

use super::{Nowhere, read, request, size, tell, told, write};

#[tokio::test]
async fn the_first_pattern_that_matches_answers() {
    let router = || {
        Router::new()
            .read("/grub/grub.cfg-01-{mac}", || async { "1" })
            .read("/grub/{name}", || async { "22" })
            .read("/grub/grub.cfg", || async { "333, never asked" })
            .read("/{*path}", || async { "4444" })
    };
    assert_eq!(
        size(read(router(), "/grub/grub.cfg-01-52-54-00-12-34-56").await),
        1
    );
    assert_eq!(
        size(read(router(), "/grub/grub.cfg-01-52-54-00-12-34").await),
        2
    );
    assert_eq!(size(read(router(), "/grub/grub.cfg").await), 2);
    assert_eq!(size(read(router(), "/grub/x86_64-efi/normal.mod").await), 4);
}

#[tokio::test]
async fn reads_and_writes_have_routes_of_their_own() {
    let router = || {
        Router::new()
            .write("/{name}", || async { Accept::into(Nowhere) })
            .read("/{name}", || async { "content" })
    };
    assert_eq!(size(read(router(), "x").await), 7);
    assert!(matches!(write(router(), "x").await, Ok(Answer::Accept(_))));
}

#[tokio::test]
async fn what_matches_nothing_is_refused_with_codes_that_stop_u_boot() {
    let router = || {
        Router::new()
            .read("/read", || async { "content" })
            .write("/write", || async { Accept::into(Nowhere) })
    };
    for filename in ["write", "other", "/"] {
        let refusal = read(router(), filename).await.unwrap_err();
        assert_eq!(refusal, Refusal::not_found());
        assert_eq!(refusal.reason().code(), ErrorCode::NotFound);
    }
    for filename in ["read", "other", "/"] {
        let refusal = write(router(), filename).await.unwrap_err();
        assert_eq!(refusal.client_text(), "Uploads are not allowed here");
        assert_eq!(refusal.reason().code(), ErrorCode::AccessViolation);
    }
}

#[tokio::test]
async fn fallbacks_answer_what_matches_nothing() {
    let router = || {
        Router::new()
            .fallback(|request: Request| async move {
                tell(format_args!(
                    "{:?} {}",
                    request.route(),
                    String::from_utf8_lossy(request.rest_bytes())
                ))
            })
            .write_fallback(|| async { Accept::into(Nowhere) })
            .read("/known", || async { "content" })
    };
    assert_eq!(size(read(router(), "known").await), 7);
    assert_eq!(told(read(router(), "/a/b").await), "None a/b");
    assert!(matches!(
        write(router(), "known").await,
        Ok(Answer::Accept(_))
    ));
}

#[tokio::test]
async fn handlers_see_the_route_and_the_path_below_it() {
    let router = Router::new().read("/{site}/images/{*file}", |request: Request| async move {
        let params: Vec<_> = request.params().collect();
        tell(format_args!(
            "{:?} {params:?} {}",
            request.route(),
            String::from_utf8_lossy(request.rest_bytes())
        ))
    });
    assert_eq!(
        told(read(router, "lab\\images\\a\\b").await),
        r#"Some("/{site}/images/{*file}") [("site", "lab"), ("file", "a/b")] a/b"#
    );
}

#[tokio::test]
async fn what_the_route_leaves_of_the_path_is_without_its_own_directories() {
    for (pattern, path, expected) in [
        ("/images/{*path}", "images/12.7/vmlinuz", "12.7/vmlinuz"),
        ("/{site}/boot/{*path}", "lab/boot/vmlinuz", "vmlinuz"),
        ("/configs/{name}", "configs/router1", "router1"),
        (
            "/configs/{site}/{name}.cfg",
            "configs/lab/r1.cfg",
            "lab/r1.cfg",
        ),
        ("/a/b-{name}/c", "a/b-x/c", "b-x/c"),
        ("/{{a}}/{name}", "{a}/x", "x"),
        ("/{name}", "x", "x"),
        ("/boot/pxelinux.0", "boot/pxelinux.0", "boot/pxelinux.0"),
    ] {
        let app = App::from(Router::new().read(pattern, async |request: Request| {
            tell(String::from_utf8_lossy(request.rest_bytes()))
        }));
        assert_eq!(
            told(app.call(request(Op::Read, path)).await),
            expected,
            "{pattern}"
        );
    }
}

#[tokio::test]
async fn routers_nest_below_a_prefix() {
    let router = || {
        let phones = Router::new()
            .read(
                "/SEP{mac}.cnf.xml",
                |Path((site, mac)): Path<(String, MacAddr)>| async move {
                    tell(format_args!("{site} {mac}"))
                },
            )
            .fallback(|request: Request| async move {
                tell(format_args!(
                    "below {}",
                    String::from_utf8_lossy(request.rest_bytes())
                ))
            })
            .case_insensitive();
        Router::new()
            .read("/lab/phones/first", || async { "content" })
            .nest("/{site}/phones/", phones)
            .fallback(|| async { tell("outside") })
    };
    assert_eq!(size(read(router(), "lab/phones/first").await), 7);
    assert_eq!(
        told(read(router(), "lab/PHONES/sep525400123456.CNF.xml").await),
        "lab 52:54:00:12:34:56"
    );
    assert_eq!(told(read(router(), "lab/phones/a/b").await), "below a/b");
    assert_eq!(told(read(router(), "lab/LAB/first").await), "outside");
    assert_eq!(told(read(router(), "lab/phones").await), "outside");
    assert_eq!(
        told(write(router(), "lab/phones/x").await),
        "Uploads are not allowed here"
    );
}

#[tokio::test]
async fn patterns_read_elsewhere_are_taken_as_they_are() {
    let pattern = Pattern::parse("/from-a-file/{name}").unwrap();
    let router = Router::new()
        .read(pattern, || async { "content" })
        .read("/owned".to_owned(), || async { "22" });
    assert_eq!(size(read(router, "from-a-file/x").await), 7);
}

#[test]
fn an_application_says_which_route_would_answer() {
    let app = App::from(
        Router::new()
            .read("/{name}.cfg", || async { "" })
            .write("/up/{name}", || async { Accept::into(Nowhere) }),
    );
    assert_eq!(
        app.route_of(&request(Op::Read, "a.cfg")),
        Some("/{name}.cfg")
    );
    assert_eq!(
        app.route_of(&request(Op::Write, "up/a")),
        Some("/up/{name}")
    );
    assert_eq!(app.route_of(&request(Op::Write, "a.cfg")), None);
    assert_eq!(
        format!("{app:?}"),
        r#"App { reads: ["/{name}.cfg"], writes: ["/up/{name}"], .. }"#
    );
}
