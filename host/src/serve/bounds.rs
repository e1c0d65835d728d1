//! What one client, and all of them together, may cost a server before anybody knows who they are.

use std::time::Duration;

/// Connections at once: each costs a few tens of kilobytes.
pub(crate) const MOST_CONNECTIONS: usize = 512;

/// Connections at once from one address, or one IPv6 network, so that one peer leaves room for others.
pub(crate) const MOST_PER_PEER: usize = 128;

/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long the head of a request may take, from the connection's begin or the answer before it.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(15);

/// Longest head of a request, in bytes.
pub(crate) const LONGEST_HEAD: u32 = 64 << 10;

/// Most headers of a request.
pub(crate) const MOST_HEADERS: usize = 100;

/// Longest body of a request, in bytes: the largest arguments of a call, and room around them.
pub(crate) const LONGEST_BODY: usize = 5 << 20;

/// How long the body of a request may take to arrive.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);

/// A body that is longer, in bytes, is one of few.
pub(crate) const SMALL_BODY: usize = 64 << 10;

/// Requests with a long body at once: with their largest size, what all bodies together can take of memory.
pub(crate) const MOST_LONG_BODIES: usize = 16;

/// Requests that are answered at once. Calls that wait are among them.
pub(crate) const MOST_REQUESTS: usize = 256;

/// Requests that are answered at once of those that one address, or one IPv6 network, sends.
pub(crate) const MOST_REQUESTS_PER_PEER: usize = 64;

/// Longest form by which somebody logs in, in bytes.
pub(crate) const LONGEST_LOGIN: usize = 4 << 10;

/// How long it may take to arrive: who sends it is not known yet.
pub(crate) const LOGIN_TIME: Duration = Duration::from_secs(5);

/// Streams at once on one connection of HTTP/2.
pub(crate) const MOST_STREAMS: u32 = 64;

/// How long a connection without a request is kept.
pub(crate) const IDLE_TIME: Duration = Duration::from_secs(75);

/// How long a peer may take nothing of an answer before it is given up.
pub(crate) const STALL_TIME: Duration = Duration::from_secs(60);

/// How long a connection that was told to end may take to do so.
pub(crate) const LINGER_TIME: Duration = Duration::from_secs(5);

/// All of them, so that a test can hit one without waiting for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    pub(crate) per_peer: usize,
    pub(crate) handshake_time: Duration,
    pub(crate) head_time: Duration,
    pub(crate) head: u32,
    pub(crate) headers: usize,
    pub(crate) body: usize,
    pub(crate) body_time: Duration,
    pub(crate) small_body: usize,
    pub(crate) long_bodies: usize,
    pub(crate) requests: usize,
    pub(crate) requests_per_peer: usize,
    pub(crate) streams: u32,
    pub(crate) idle_time: Duration,
    pub(crate) stall_time: Duration,
    pub(crate) linger_time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: MOST_CONNECTIONS,
            per_peer: MOST_PER_PEER,
            handshake_time: HANDSHAKE_TIME,
            head_time: HEAD_TIME,
            head: LONGEST_HEAD,
            headers: MOST_HEADERS,
            body: LONGEST_BODY,
            body_time: BODY_TIME,
            small_body: SMALL_BODY,
            long_bodies: MOST_LONG_BODIES,
            requests: MOST_REQUESTS,
            requests_per_peer: MOST_REQUESTS_PER_PEER,
            streams: MOST_STREAMS,
            idle_time: IDLE_TIME,
            stall_time: STALL_TIME,
            linger_time: LINGER_TIME,
        }
    }
}

impl Bounds {
    /// Those of forms by which somebody logs in. All are small: there may be as many as requests.
    pub(crate) fn of_logins() -> Self {
        let bounds = Self::default();
        Self { body: LONGEST_LOGIN, body_time: LOGIN_TIME, long_bodies: bounds.requests, ..bounds }
    }
}
