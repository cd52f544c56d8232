//! Directories whose names depend on the request: `/srv/tftp/{client}`.

use bootwire::router::{Layer, Next, ParamText};
use bootwire::{Answer, BoxFuture, Refusal, Request};

/// Has a directory look for names below other directories.
#[derive(Clone)]
pub(super) struct Below(pub(super) ParamText);

impl Below {
    fn renamed(&self, request: &Request) -> Result<Request, Refusal> {
        let mut path = self.0.fill(request)?;
        path.push(b'/');
        path.extend_from_slice(request.rest_bytes());
        // To be made one path with what is before it, they must not lead out of that.
        let mut names = path.split(|&byte| matches!(byte, b'/' | b'\\'));
        let climbs = names.any(|name| matches!(name, b"." | b".."));
        let renamed = request.renamed(&path).filter(|_| !climbs);
        renamed.ok_or_else(|| {
            let to = &self.0;
            Refusal::denied()
                .text("Bad file name")
                .because(format_args!("below {to} it is no path"))
        })
    }
}

impl Layer for Below {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(async move { next.run(self.renamed(&request)?).await })
    }

    fn at_hand(&self, request: &Request, next: Next) -> Option<Result<Answer, Refusal>> {
        match self.renamed(request) {
            Ok(renamed) => next.at_hand(&renamed),
            Err(refusal) => Some(Err(refusal)),
        }
    }
}
