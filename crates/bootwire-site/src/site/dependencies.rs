//! Whether those whom a site depends on answer.

use std::sync::Arc;
use std::time::Duration;

use bootwire_render::inventory::Machine;

use super::Site;

impl Site {
    /// Asks each origin for something: its name, its address, and what is wrong with it or looks wrong.
    /// Only of a site that was opened to be looked at to ask.
    pub(crate) async fn try_origins(
        &self,
        patience: Duration,
    ) -> Vec<(String, String, Result<Option<String>, String>)> {
        let mut tried = Vec::new();
        for source in self.open.origins.all() {
            let result = source.check(patience).await;
            tried.push((source.name.clone(), source.address.clone(), result));
        }
        tried
    }

    /// Asks the inventory: what it is, and what is wrong with it. `None` if there is none.
    pub(crate) async fn try_inventory(
        &self,
        patience: Duration,
    ) -> Option<(String, Result<(), String>)> {
        let machines = self.open.machines.as_ref()?;
        Some(
            match tokio::time::timeout(patience, machines.check()).await {
                Ok(Ok(told)) => (told, Ok(())),
                Ok(Err(why)) => (machines.describe(), Err(why)),
                Err(_) => (
                    machines.describe(),
                    Err(format!("no answer within {patience:?}")),
                ),
            },
        )
    }

    /// Some of the machines of the inventory.
    pub(crate) async fn some_machines(&self, max: usize) -> Result<Vec<Arc<Machine>>, String> {
        match &self.open.machines {
            Some(machines) => machines.some(max).await,
            None => Err("there is no inventory with machines to try".to_owned()),
        }
    }
}
