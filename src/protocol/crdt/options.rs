//! The knobs of crdt.

use serde::Deserialize;

use super::Flaw;
use crate::op;
use crate::time::Duration;

/// The knobs of crdt.
#[derive(Clone, Debug, Hash, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Options {
    /// What every key is: `"g-counter"`, `"pn-counter"`, `"bounded-counter"`, `"or-set"`, `"lww-register"`, `"mv-register"` or
    /// `"rga"` (a list). Default: `"mv-register"`.
    #[serde(rename = "type")]
    pub what: Type,
    /// What nodes send each other: `"state"` (all they have), `"delta"` (the keys that changed) or `"operation"` (each update by itself).
    /// Default: `"delta"`.
    #[serde(rename = "ship")]
    pub transport: Transport,
    /// With `ship = "state"` or `"delta"`: how often a node sends what is new to those who may lack it, 1ms or longer.
    /// Default: `"100ms"`.
    pub ship_every: Duration,
    /// How often a node tells one random peer what it has seen, and begins anew to send what was not acknowledged, 1ms or longer.
    /// Default: `"1s"`.
    pub gossip_every: Duration,
    /// Of a PN-counter: whether a node that has too little of it in its copy refuses to take more, as applications do
    /// that look before they sell. Default: false.
    pub look_first: bool,
    /// Of a bounded counter: how long a request waits for the rights that this node asked another for, before it is refused.
    /// Default: `"500ms"`.
    pub patience: Duration,
    /// A flaw on purpose, by its id in the bank. Only in builds with the feature `mutants`. Default: none.
    #[cfg_attr(not(feature = "mutants"), serde(skip))]
    pub mutant: Flaw,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            what: Type::default(),
            transport: Transport::default(),
            ship_every: Duration::millis(100),
            gossip_every: Duration::secs(1),
            look_first: false,
            patience: Duration::millis(500),
            mutant: Flaw::default(),
        }
    }
}

/// What every key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Type {
    /// A counter that only grows.
    GCounter,
    /// A counter.
    PnCounter,
    /// A counter that is never below zero.
    BoundedCounter,
    /// A set, in which an insertion wins over a concurrent removal.
    OrSet,
    /// A register, in which of concurrent writes the one with the highest stamp wins.
    LwwRegister,
    /// A register that keeps all concurrent writes.
    #[default]
    MvRegister,
    /// A list: a replicated growable array.
    Rga,
}

impl Type {
    /// Every type.
    pub const ALL: [Type; 7] = [
        Type::GCounter,
        Type::PnCounter,
        Type::BoundedCounter,
        Type::OrSet,
        Type::LwwRegister,
        Type::MvRegister,
        Type::Rga,
    ];

    /// What clients take it for.
    pub const fn objects(self) -> &'static [op::Object] {
        match self {
            Type::GCounter | Type::PnCounter | Type::BoundedCounter => &[op::Object::Counter],
            Type::OrSet => &[op::Object::Set],
            Type::LwwRegister | Type::MvRegister => &[op::Object::Register],
            Type::Rga => &[op::Object::List],
        }
    }
}

/// What nodes send each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum Transport {
    /// All they have.
    State,
    /// The keys that changed.
    #[default]
    Delta,
    /// Each update by itself, in causal order.
    Operation,
}
