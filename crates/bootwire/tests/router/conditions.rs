//! Routes for some requests only, and requests under another name.

use bootwire::router::{App, Pattern, Rewrite};
use bootwire::{Op, Reason, Request, Router};

use super::{read, request, size, tell, told, write};

fn rewrite(pattern: &str, to: &str) -> (Pattern, Rewrite) {
    let pattern = Pattern::parse(pattern).unwrap();
    let to = Rewrite::parse(to, &pattern).unwrap();
    (pattern, to)
}

fn renaming(router: Router, pattern: &str, to: &str) -> Router {
    let (pattern, to) = rewrite(pattern, to);
    router.rewrite(pattern, to)
}

/// Tells the path, what is left of it, and the parameters.
pub(super) async fn tell_path(request: Request) -> bootwire::Refusal {
    let rest = String::from_utf8_lossy(request.rest_bytes()).into_owned();
    let params: Vec<_> = request.params().collect();
    tell(format_args!("{} {rest} {params:?}", request.path()))
}

#[tokio::test]
async fn a_guard_sends_others_on() {
    let router = || {
        let lab = Router::new().read("/{name}", async || "lab");
        Router::new()
            .when(|request| request.param("name") == Some("a"), lab)
            .read("/{name}", async || "elsewhere")
    };
    assert_eq!(size(read(router(), "a").await), 3);
    assert_eq!(size(read(router(), "b").await), 9);
    let app = App::from(router());
    assert_eq!(app.route_of(&request(Op::Read, "b")), Some("/{name}"));
}

#[tokio::test]
async fn a_fallback_behind_a_guard_takes_what_it_lets_in() {
    let router = || {
        let rest = Router::new()
            .fallback(async || "guarded")
            .write_fallback(async || tell("guarded"));
        Router::new()
            .when(|request| request.path().starts_with("/in"), rest)
            .fallback(async || "out")
    };
    assert_eq!(size(read(router(), "in/a").await), 7);
    assert_eq!(size(read(router(), "a").await), 3);
    assert_eq!(told(write(router(), "in").await), "guarded");
    let refused = write(router(), "a").await.expect_err("no such upload");
    assert_eq!(refused.reason(), Reason::Denied);
}

#[tokio::test]
async fn guards_add_up() {
    let inner = Router::new().read("/{name}", async || "both");
    let outer = Router::new().when(|request| request.option("blksize").is_some(), inner);
    let router = Router::new().when(|request| request.peer_ip().is_ipv4(), outer);
    assert_eq!(size(read(router, "a").await), 4);
    let inner = Router::new().read("/{name}", async || "both");
    let outer = Router::new().when(|_| false, inner);
    let refused = read(Router::new().when(|_| true, outer), "a").await;
    assert_eq!(refused.expect_err("closed").reason(), Reason::NotFound);
}

#[tokio::test]
async fn a_guard_that_panics_refuses() {
    let closed = Router::new().read("/a", async || "secret");
    let router = Router::new()
        .when(|_| panic!("no table"), closed)
        .fallback(async || "open");
    let app = App::from(router);
    let refusal = app.call(request(Op::Read, "a")).await.expect_err("refused");
    assert_eq!(refusal.reason(), Reason::Internal);
    assert!(refusal.detail().unwrap().contains("no table"));
    assert!(app.at_hand(&request(Op::Read, "a")).is_some());
}

#[tokio::test]
async fn a_renamed_request_goes_on_under_its_new_name() {
    let router = || {
        renaming(Router::new(), "/tftpboot/{*path}", "/{path}")
            .read("/images/{*path}", tell_path)
            .fallback(tell_path)
    };
    let told_of = async |path| told(read(router(), path).await);
    assert_eq!(
        told_of("tftpboot/images/a/b").await,
        r#"/images/a/b a/b [("path", "a/b")]"#
    );
    assert_eq!(told_of("images/a").await, r#"/images/a a [("path", "a")]"#);
    assert_eq!(told_of("tftpboot/x").await, "/x x []");
}

#[tokio::test]
async fn names_change_from_top_to_bottom_and_never_in_circles() {
    let router = Router::new().read("/a", async || "asked for as it is");
    let router = renaming(router, "/b", "/a");
    let router = renaming(router, "/a", "/b").fallback(tell_path);
    assert_eq!(told(read(router, "b").await), "/b b []");
}

#[tokio::test]
async fn a_guarded_rename_is_for_those_it_lets_in() {
    let rename = renaming(Router::new(), "/{name}", "/lab/{name}");
    let router = Router::new()
        .when(|request| request.param("name") == Some("a"), rename)
        .fallback(tell_path)
        .write_fallback(tell_path);
    let app = App::from(router);
    let told_of = async |op, path| told(app.call(request(op, path)).await);
    assert_eq!(told_of(Op::Read, "a").await, "/lab/a lab/a []");
    assert_eq!(told_of(Op::Write, "a").await, "/lab/a lab/a []");
    assert_eq!(told_of(Op::Read, "b").await, "/b b []");
}

#[tokio::test]
async fn a_rename_below_a_prefix_stays_below_it() {
    let phones = renaming(Router::new(), "/old/{*path}", "/new/{path}").read("/new/{x}", tell_path);
    let router = Router::new().nest("/{site}", phones);
    assert_eq!(
        told(read(router, "hq/old/p").await),
        r#"/hq/new/p hq/new/p [("site", "hq"), ("x", "p")]"#
    );
}

#[tokio::test]
async fn who_is_renamed_out_of_the_root_is_refused() {
    let router = renaming(Router::new(), "/{a}-{b}", "/{a}{b}/etc").fallback(async || "not this");
    let refused = read(router, ".-.").await.expect_err("climbs");
    assert_eq!(refused.reason(), Reason::Denied);
}
