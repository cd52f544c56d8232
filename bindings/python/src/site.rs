//! A configured site with routes of Python before its own.

use std::path::Path;
use std::sync::Arc;

use bootwire::{BoxFuture, Server, ServerHandle};
use bootwire_site::{Config, Site};

use crate::endpoint::Common;
use crate::job::Job;
use crate::routes::Routes;
use crate::running::{Follow, Running, StartError, runtime};

/// Starts what the configuration at `path` says, with `routes` before its own. Waits for the disk and
/// for whatever it names.
pub(crate) fn start(
    path: &Path,
    routes: Routes,
    common: Common,
    observed: impl FnOnce(Server) -> Server,
) -> Result<Running, StartError> {
    let runtime = runtime()?;
    let pool = Arc::clone(&common.pool);
    let open = async move {
        let config = Config::load(path)?;
        Site::builder()
            .routes(move |configured| routes.router(&common).merge(configured))
            .notes(move |line| pool.submit(Job::Note(line.to_owned())))
            .open(config)
            .await
    };
    let wrong = |problems: bootwire_site::Problems| StartError::Site(problems.to_string());
    let site = runtime.block_on(Box::pin(open)).map_err(wrong)?;
    let entered = runtime.enter();
    let handle = observed(site.server()).start()?;
    site.prefetch();
    drop(entered);
    let follow: Follow = Box::new(move |handle| follow(site, handle));
    Ok(Running::on(runtime, handle, Some(follow)))
}

/// Serves what the configuration says now, for ever.
fn follow(mut site: Site, handle: &ServerHandle) -> BoxFuture<'_, ()> {
    Box::pin(async move { match site.follow(handle).await {} })
}
