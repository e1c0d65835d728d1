//! The probes, one per file.

pub(crate) mod http_hoard;
pub(crate) mod http_receive_flood;
pub(crate) mod http_request;
pub(crate) mod http_requests;
pub(crate) mod http_send_flood;
pub(crate) mod network;
pub(crate) mod poll_forever;
pub(crate) mod poll_many;
pub(crate) mod pollable_leak;
pub(crate) mod sleep_forever;
pub(crate) mod sleep_often;
pub(crate) mod writes_then_sends;
