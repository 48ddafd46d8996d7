//! How messages travel: from what is written to a [`StreamTransport`].

use serde::Deserialize;

use super::error::Problem;
use super::units::{At, Bytes, Keys, Table};
use crate::model::transport::StreamTransport;
use crate::time::Duration;

/// A connection that has room for more messages than this has no bound that anybody would notice.
const BUFFER_MAX: u32 = 1_000_000;

/// How messages travel: by datagrams, each of which arrives by itself or not, or over connections.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Transport {
    /// Which of the two.
    pub kind: TransportKind,
    /// How many bytes may be under way and not acknowledged, in each direction of a connection. Default: as many as are sent.
    pub window: Option<At<Bytes>>,
    /// The least that a timeout is longer than a round trip. Default: "200ms".
    pub rto_min: Option<At<Duration>>,
    /// The longest timeout; each is twice the one before. Default: "2min".
    pub rto_max: Option<At<Duration>>,
    /// A connection over which nothing was acknowledged for so long is broken. Default: "15min".
    pub give_up: Option<At<Duration>>,
    /// How long whoever opens a connection tries before what waits for it is lost. Default: "10s".
    pub dial: Option<At<Duration>>,
    /// How many messages may wait in each direction. Default: 4096.
    pub buffer: Option<At<u32>>,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum TransportKind {
    /// Each message arrives by itself, or is lost.
    Datagram,
    /// Everything arrives once and in order, or the connection breaks.
    Stream,
}

impl Keys for Transport {
    const EXPECTED: &'static str = "a table such as { kind = \"stream\" }";
}

/// Reads a `[transport]`; `None` is datagrams.
pub(super) fn read(table: &Table<Transport>) -> Result<Option<StreamTransport>, Problem> {
    let Transport { kind, window, rto_min, rto_max, give_up, dial, buffer } = &table.value;
    if *kind == TransportKind::Datagram {
        let spans = [("rto_min", rto_min), ("rto_max", rto_max), ("give_up", give_up), ("dial", dial)];
        let mut of_streams: Vec<_> =
            spans.into_iter().filter_map(|(key, at)| at.as_ref().map(|at| (key, &at.span))).collect();
        of_streams.extend(window.as_ref().map(|at| ("window", &at.span)));
        of_streams.extend(buffer.as_ref().map(|at| ("buffer", &at.span)));
        return match of_streams.into_iter().min_by_key(|(_, span)| span.start) {
            Some((key, span)) => {
                Err(Problem::new(span, format!("datagrams have no connection: `{key}` is for a `stream`")))
            }
            None => Ok(None),
        };
    }
    let usual = StreamTransport::default();
    let span = |key: &str, at: &Option<At<Duration>>, usual| match at {
        Some(at) if at.value < Duration::SHORTEST_PERIOD => {
            Err(Problem::new(&at.span, format!("`{key}` is {} or longer", Duration::SHORTEST_PERIOD)))
        }
        at => Ok(at.as_ref().map_or(usual, |at| at.value)),
    };
    if let Some(at) = window.as_ref().filter(|at| at.value.0 == 0) {
        return Err(Problem::new(&at.span, "nothing would ever be under way"));
    }
    if let Some(at) = buffer.as_ref().filter(|at| at.value == 0 || at.value > BUFFER_MAX) {
        return Err(Problem::new(&at.span, format!("a buffer has room for 1 to {BUFFER_MAX} messages")));
    }
    let transport = StreamTransport {
        window: window.as_ref().map(|at| at.value.0),
        rto_min: span("rto_min", rto_min, usual.rto_min)?,
        rto_max: span("rto_max", rto_max, usual.rto_max)?,
        give_up: span("give_up", give_up, usual.give_up)?,
        dial: span("dial", dial, usual.dial)?,
        buffer: buffer.as_ref().map_or(usual.buffer, |at| at.value),
    };
    if transport.rto_max < transport.rto_min {
        let at = rto_max.as_ref().or(rto_min.as_ref()).map_or(&table.span, |at| &at.span);
        return Err(Problem::new(at, "the longest timeout is shorter than the least"));
    }
    Ok(Some(transport))
}
