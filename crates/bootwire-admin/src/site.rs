//! A [`Site`], as the API asks it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bootwire::BoxFuture;
use bootwire_render::identity::Identity;
use bootwire_site::{InForce, Site};
use tokio::sync::{mpsc, oneshot};

use crate::api;
use crate::feed::lock;
use crate::problem::Problem;
use crate::sources::{Asked, Control};

/// Orders that wait: an operator gives one at a time.
const ORDERS: usize = 8;

/// What whoever runs a [`Site`] is told to do. He answers when it is done.
#[derive(Debug)]
pub enum Order {
    /// Read the configuration again.
    Reload(oneshot::Sender<api::Reloaded>),
    /// Finish what runs, then end.
    Drain(oneshot::Sender<api::Draining>),
}

/// Answers for a [`Site`] that somebody else runs: he gets the orders, and tells when what is in force
/// has changed.
///
/// ```no_run
/// use bootwire_admin::site::{Order, SiteControl};
/// use bootwire_site::Site;
///
/// # async fn example(mut site: Site) {
/// let (control, mut orders) = SiteControl::new(&site);
/// // … Admin::new(server.view()).control(control.clone())
/// while let Some(order) = orders.recv().await {
///     match order {
///         Order::Reload(done) => {
///             let result = site.reload().await;
///             control.renew(&site);
///             let _ = done.send(result.into());
///         }
///         Order::Drain(_) => break,
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct SiteControl {
    in_force: Mutex<InForce>,
    orders: mpsc::Sender<Order>,
}

impl SiteControl {
    /// Of this site, and where its orders come.
    #[must_use]
    pub fn new(site: &Site) -> (Arc<Self>, mpsc::Receiver<Order>) {
        let (orders, given) = mpsc::channel(ORDERS);
        let in_force = Mutex::new(site.in_force());
        (Arc::new(Self { in_force, orders }), given)
    }

    /// Answers from now on for what is in force now.
    pub fn renew(&self, site: &Site) {
        *lock(&self.in_force) = site.in_force();
    }

    fn in_force(&self) -> InForce {
        lock(&self.in_force).clone()
    }

    async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, Problem> {
        let (done, answer) = oneshot::channel();
        let full = |_| Problem::conflict("other orders wait to be carried out: try again");
        self.orders.try_send(order(done)).map_err(full)?;
        let ended = |_| Problem::conflict("the server ends: it takes no more orders");
        answer.await.map_err(ended)
    }
}

impl From<Result<Vec<String>, bootwire_site::Problems>> for api::Reloaded {
    fn from(result: Result<Vec<String>, bootwire_site::Problems>) -> Self {
        match result {
            Ok(lines) => Self {
                reloaded: true,
                lines,
            },
            Err(problems) => Self {
                reloaded: false,
                lines: problems.0.iter().map(ToString::to_string).collect(),
            },
        }
    }
}

impl Control for SiteControl {
    fn configuration(&self) -> Option<String> {
        let in_force = self.in_force();
        Some(format!(
            "{}: {}",
            in_force.config().location,
            in_force.summary()
        ))
    }

    fn problems(&self) -> Vec<String> {
        self.in_force().problems()
    }

    fn config(&self) -> Asked<'_, api::ConfigView> {
        Box::pin(async {
            let in_force = self.in_force();
            let config = in_force.config();
            let keys = in_force.keys().into_iter().map(|key| api::ConfigKey {
                key: key.key,
                value: key.value,
                help: key.help.to_owned(),
                place: key.place,
                needs_restart: key.needs_restart,
            });
            Ok(api::ConfigView {
                location: config.location.to_string(),
                files: config
                    .files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect(),
                keys: keys.collect(),
                serves: in_force.describe(),
                inventory: in_force.inventory().map(|inventory| api::InventoryView {
                    kind: inventory.kind.to_owned(),
                    place: inventory.place,
                    editable: inventory.editable,
                }),
                warnings: config.warnings.clone(),
            })
        })
    }

    fn explain(&self, question: api::Explain) -> Asked<'_, api::Explained> {
        Box::pin(async move {
            let in_force = self.in_force();
            let request = request(&in_force, &question)?;
            let account = in_force.explain(&request, question.run).await;
            Ok(api::Explained {
                text: account.to_string(),
                account: serde_json::to_value(&account).unwrap_or_default(),
            })
        })
    }

    fn knows(&self, machine: Identity) -> BoxFuture<'_, Option<bool>> {
        Box::pin(async move { self.in_force().has_machine(&machine).await })
    }

    fn reload(&self) -> Asked<'_, api::Reloaded> {
        Box::pin(self.order(Order::Reload))
    }

    fn drain(&self) -> Asked<'_, api::Draining> {
        Box::pin(self.order(Order::Drain))
    }

    fn cache(&self) -> Asked<'_, api::CacheView> {
        Box::pin(async {
            let in_force = self.in_force();
            let Some((dir, max, stats)) = in_force.cache() else {
                return Err(Problem::absent(
                    "cache",
                    "it comes with the first [origin.NAME]",
                ));
            };
            let origins = in_force.origins().map(|origin| api::OriginView {
                name: origin.name.to_owned(),
                address: origin.address.to_owned(),
                prefetch: origin.prefetch.to_vec(),
            });
            Ok(api::CacheView {
                dir: dir.display().to_string(),
                max,
                figures: stats,
                origins: origins.collect(),
            })
        })
    }

    fn prefetch(&self, what: api::Prefetch) -> Asked<'_, api::PrefetchReport> {
        Box::pin(async move {
            let in_force = self.in_force();
            let Some(origin) = what.origin else {
                if !what.paths.is_empty() {
                    return Err(Problem::query(
                        "paths without an origin: name the origin they are of",
                    ));
                }
                in_force.prefetch();
                return Ok(api::PrefetchReport {
                    started: true,
                    objects: Vec::new(),
                });
            };
            let mut objects = Vec::new();
            for path in what.paths {
                let (bytes, error) = match in_force.prefetch_object(&origin, &path).await {
                    Ok(bytes) => (Some(bytes), None),
                    Err(why) => (None, Some(why)),
                };
                objects.push(api::Prefetched { path, bytes, error });
            }
            Ok(api::PrefetchReport {
                started: false,
                objects,
            })
        })
    }

    fn purge(&self, what: api::Purge) -> Asked<'_, api::Purged> {
        Box::pin(async move {
            let purged = self
                .in_force()
                .purge(&what.origin, what.path.as_deref())
                .await;
            let purged = purged.map_err(Problem::not_found)?;
            Ok(api::Purged {
                objects: purged.objects,
                bytes: purged.bytes,
            })
        })
    }
}

fn request(in_force: &InForce, question: &api::Explain) -> Result<bootwire::Request, Problem> {
    let address = |name: &str, text: &str| {
        let wrong = |_| Problem::query(format!("{name} {text:?} is no address: write 10.0.0.7"));
        text.parse::<IpAddr>().map_err(wrong)
    };
    let to = question
        .to
        .as_deref()
        .map(|to| address("to", to))
        .transpose()?;
    let from = match &question.from {
        Some(from) => address("from", from)?,
        None if matches!(to, Some(IpAddr::V6(_))) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let to = to.unwrap_or_else(|| bootwire_site::explain::listens_on(in_force.config(), from));
    let options: BTreeMap<String, String> = question.options.clone();
    let options: Vec<(String, String)> = options.into_iter().collect();
    let at = (SocketAddr::new(to, 69), 0);
    bootwire_site::explain::request(question.request.as_bytes(), from, at, &options)
        .map_err(Problem::query)
}
