//! Origins that misbehave: the client that needs them gets the right ERROR in time, others get
//! their files, and the log says what to look at.

use std::time::Duration;

use super::web::{Manner, Object, Web};
use super::{Failure, error, fails, fetch};
use crate::harness::{Packet, Server, Wire, noise};

const MIB: usize = 1 << 20;

fn serve(web: &Web) -> Server {
    Server::builder().config(&web.images()).start()
}

/// A large object, sent in a manner: what its client gets.
fn failure(manner: Manner) -> Failure {
    let object = Object::new(noise(6 * MIB, 1), "1").manner(manner);
    let web = Web::of([("bad", object), ("fine", Object::new(noise(9_000, 2), "1"))]);
    let server = serve(&web);
    let failure = fails(&server, "images/bad");
    assert!(
        fetch(&server, "images/fine") == noise(9_000, 2),
        "other objects of the same origin are served"
    );
    failure
}

#[test]
fn what_is_not_there_is_error_1() {
    let failure = failure(Manner::Status(404));
    assert_eq!((failure.code, failure.record.outcome()), (1, "not_found"));
}

#[test]
fn an_origin_that_refuses_us_is_error_2_and_the_log_names_the_token() {
    let failure = failure(Manner::Status(403));
    assert_eq!(failure.code, 2, "{}", failure.text);
    failure.expect_log(&["403", "token"]);
}

#[test]
fn a_server_error_is_error_0() {
    failure(Manner::Status(500)).expect_try_again(&["500", "/boot/"]);
}

#[test]
fn silence_is_error_0() {
    failure(Manner::Hang).expect_try_again(&["no answer within"]);
}

#[test]
fn a_slow_drip_is_error_0() {
    let drip = Manner::Drip {
        bytes: 100,
        every: Duration::from_millis(30),
    };
    failure(drip).expect_try_again(&["too slow"]);
}

#[test]
fn a_body_that_is_always_cut_is_error_0() {
    failure(Manner::Cut(0)).expect_try_again(&["/boot/"]);
}

#[test]
fn a_wrong_length_is_error_0() {
    failure(Manner::WrongLength(10)).expect_try_again(&["length"]);
}

#[test]
fn another_range_than_asked_for_is_error_0() {
    failure(Manner::OtherRange { honest: true }).expect_try_again(&["sent bytes 10-"]);
}

#[test]
fn a_compressed_body_is_error_0() {
    failure(Manner::Compressed).expect_try_again(&["compressed"]);
}

#[test]
fn a_redirect_in_a_circle_is_error_0() {
    failure(Manner::Redirect("/boot/bad".to_owned())).expect_try_again(&["circle"]);
}

#[test]
fn a_redirect_to_a_stranger_is_error_0() {
    let stranger = Manner::Redirect("http://localhost:1/bad".to_owned());
    failure(stranger).expect_try_again(&["not allowed"]);
}

#[test]
fn what_is_no_http_is_error_0() {
    failure(Manner::Garbage).expect_try_again(&["connection failed"]);
}

#[test]
fn an_object_that_changes_in_the_middle_is_error_0_and_then_the_new_one() {
    let mut object = Object::new(noise(40 * MIB, 1), "1");
    let next = Object::new(noise(5 * MIB, 9), "2");
    object.then = Some((2, Box::new(next)));
    let web = Web::of([("bad", object)]);
    let server = serve(&web);
    // In large blocks: the change comes when the second half is asked for.
    let mut client = Wire::new(server.address());
    client.read("images/bad", &[("blksize", "8192"), ("windowsize", "16")]);
    client.expect_oack();
    client.ack(0);
    let (mut last, mut in_window) = (0_u16, 0);
    let failure = loop {
        match client.receive() {
            Packet::Data { block, .. } => {
                let next = block == last.wrapping_add(1);
                last = if next { block } else { last };
                in_window += 1;
                if in_window == 16 || !next {
                    client.ack(last);
                    in_window = 0;
                }
            }
            Packet::Error { code, text } => break (code, text),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failure, (0, "File changed, try again".to_owned()));
    assert!(fetch(&server, "images/bad") == noise(5 * MIB, 9));
}

/// Odd, but served: each byte once.
#[test]
fn an_origin_that_ignores_ranges_is_coped_with() {
    let object = Object::new(noise(9 * MIB, 1), "1").manner(Manner::IgnoreRange);
    let web = Web::of([("odd", object)]);
    let server = serve(&web);
    for _ in 0..2 {
        assert!(fetch(&server, "images/odd") == noise(9 * MIB, 1));
    }
    assert_eq!(web.sent("odd"), 9 * MIB as u64);
}

#[test]
fn a_dead_origin_is_error_0_and_a_miss_is_remembered() {
    let web = Web::start();
    let server = serve(&web);
    for _ in 0..10 {
        assert_eq!(error(&server, "images/missing").0, 1);
    }
    assert_eq!(web.requests(), 1, "a miss is asked for once");
    drop(web);
    fails(&server, "images/new").expect_try_again(&["cannot connect", "/boot/"]);
}

/// What a variable of the environment says does not decide where machines boot from.
#[test]
fn a_bucket_is_reached_past_the_proxies_of_the_environment() {
    let web = Web::of([("vmlinuz", Object::new(noise(9_000, 3), "1"))]);
    let proxy = Web::start();
    let place = |web: &Web| web.url().trim_end_matches("/boot/").to_owned();
    let environment = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        .map(|name| format!("{name}={}", place(&proxy)));
    let config = format!(
        "[cache]\ndir = \"cache\"\n\
         [origin.bucket]\ns3 = \"boot\"\n\
         settings = {{ endpoint = \"{}\", allow_http = \"true\", region = \"x\", \
         skip_signature = \"true\", virtual_hosted_style_request = \"false\" }}\n\
         [[route]]\npath = \"/images/{{*path}}\"\norigin = \"bucket\"\n",
        place(&web)
    );
    let wrapper = std::iter::once("env".to_owned()).chain(environment);
    let server = Server::builder().wrapped(wrapper).config(&config).start();
    assert!(fetch(&server, "images/vmlinuz") == noise(9_000, 3));
    assert_eq!(proxy.requests(), 0);
}
