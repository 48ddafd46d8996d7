//! What routing does to clients: they join for checkers, hear where a balancer sent them, and move. Next: `checkers.rs`.

use crate::id::{ClientId, NodeId, RegionId, RequestId};

use super::clients::{Client, Clients};

impl<S: Default> Clients<S> {
    pub(super) fn all(&self) -> impl Iterator<Item = ClientId> + use<S> {
        (0..self.clients.len() as u32).map(ClientId)
    }

    /// One more client of a region, which asks nothing by itself.
    pub(super) fn join(&mut self, region: RegionId) -> ClientId {
        self.clients.push(Client {
            region,
            sequence: 0,
            asked: 0,
            session: S::default(),
            active: None,
            modifies: None,
            stream: None,
        });
        ClientId(self.clients.len() as u32 - 1)
    }

    /// A checker's client asks for the so-manieth time: what comes back to earlier questions is too late.
    pub(super) fn begin_probe(&mut self, client: ClientId, number: u32) {
        self.clients[client.index()].sequence = number;
    }

    /// A balancer chose the node that this request goes to.
    pub(super) fn asks(&mut self, request: &RequestId, target: NodeId) {
        let client = &mut self.clients[request.client.index()];
        if client.asked == request.sequence
            && let Some(active) = &mut client.active
        {
            active.target = target;
        }
    }

    pub(super) fn is_idle(&self, client: ClientId) -> bool {
        self.clients[client.index()].active.is_none()
    }

    /// An idle client belongs to another region, with its session or without.
    pub(super) fn move_to(&mut self, client: ClientId, region: RegionId, keeps_session: bool) {
        let client = &mut self.clients[client.index()];
        client.region = region;
        if !keeps_session {
            client.session = S::default();
        }
    }

    /// A client that waited in one region's pool of idle ones waits in another's; in a closed loop nobody waits.
    pub(super) fn change_pool(&mut self, client: ClientId, before: RegionId, after: RegionId) {
        let pool = &mut self.sites[before.index()].idle;
        let Some(place) = pool.iter().position(|idle| *idle == client) else { return };
        pool.remove(place);
        self.sites[after.index()].idle.push_back(client);
    }
}
